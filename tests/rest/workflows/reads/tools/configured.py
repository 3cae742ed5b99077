import configparser

config = configparser.ConfigParser()
config.read("tools/tool.ini")
print(open(config["paths"]["file"]).read())
