"""What browsers fetch from the server's own routes: finished films, and how far a running job is.

A class of sixty that is sent everything over its WebSockets waits for them, and a laptop that draws the page anew twice a
second computes slower. Here a picture has an address that names its content, so a browser fetches it once, and the server
looks into a table instead of running a script.
"""
