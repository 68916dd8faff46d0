"""``python -m payymo``: the command line."""

from payymo.cli import main

if __name__ == "__main__":
    main()
