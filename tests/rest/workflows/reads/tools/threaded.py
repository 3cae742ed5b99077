import threading


def read():
    print(open("data/of_thread.txt").read())


thread = threading.Thread(target=read)
thread.start()
thread.join()
