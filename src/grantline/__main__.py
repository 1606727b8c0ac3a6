"""`python -m grantline`: the command line."""

from grantline.cli import main

if __name__ == "__main__":
    main()
