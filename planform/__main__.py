"""`python -m planform`, and the command `planform`."""


def run() -> None:
    """Until planform is loaded there is nothing that Ctrl-C could damage: it ends without a word."""
    import signal

    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if not ignored:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from planform.cli.main import main

    if not ignored:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    main()


if __name__ == "__main__":
    run()
