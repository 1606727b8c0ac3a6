"""Sign-in for web frameworks, one module each: `Login(web)` sends the browser away and takes the answer."""
