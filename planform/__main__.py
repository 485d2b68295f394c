"""`python -m planform`, and the command `planform`."""


def run() -> None:
    """Until planform is loaded there is nothing that Ctrl-C could damage: it ends without a word."""
    import signal

    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from planform.cli.main import main

    main()


if __name__ == "__main__":
    run()
