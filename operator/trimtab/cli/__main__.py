"""`python -m trimtab.cli`, for where the command is not on the PATH."""

from trimtab.cli.main import main

if __name__ == "__main__":
    main()
