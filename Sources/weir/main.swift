import Glibc

// A reader of a pipe or socket that has gone is an error of that write, not the end of the process.
signal(SIGPIPE, SIG_IGN)
exit(Dispatcher.run(Array(CommandLine.arguments.dropFirst())).rawValue)
