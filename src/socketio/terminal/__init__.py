"""`python -m socketio connect` and `emit`: a Socket.IO client in a terminal or a pipe."""
