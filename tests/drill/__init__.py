"""The fault drill: everything is killed under load, and the books are compared with what was sent (`make drill`)."""
