more() { echo more; }
