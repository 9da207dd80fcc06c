/// What the program says of itself.
enum Help {
    static let version = "0.1.0-unreleased"

    static let text = """
        ipcctl: shows what swift-ipc does on this machine, and removes what dead processes have left

        USAGE: ipcctl tour [--list] [--only NAME]
               ipcctl list [--prefix P]
               ipcctl clean [--prefix P] [--dry-run]
               ipcctl locks [--check] NAME
               ipcctl top [--interval S] [--count N] NAME
               ipcctl queue send NAME [TEXT] [--priority N] [--type N] [--timeout S] [--lines] [--no-create]
                         [--broadcast] [--when-full P]
               ipcctl queue receive | watch NAME [--type T] [--timeout S] [--count N] [--raw] [--from F]
               ipcctl queue list
               ipcctl queue remove NAME
               ipcctl --help | --version

        tour    starts a second process of itself and, for each mechanism, sends messages there and back, compares
                what came with what was sent, kills the second process with SIGKILL, and prints a row:

                  mechanism       what carried the messages
                  checked         how many messages came back and were what they had to be
                  rtt p50, p99    the median and the slowest hundredth of the round trips of 64 bytes, in microseconds; for
                          locks and the like, of handing over there and back
                  one way         how much went through in a second, one way, in messages of 64 KiB
                  death seen      from the call that killed the second process to the moment when the first one,
                                  waiting, was told, in microseconds; for locks, had what the dead one had held

          --list        names the mechanisms and ends
          --only NAME   only the mechanisms whose names contain NAME

                The figures are those of one short run, with whatever else the machine does; ipcbench measures.
                Run it from a release build: swift run -c release ipcctl tour

        list    prints the regions of shared memory of this machine, whoever made them: those in /dev/shm by their
                names, System V segments by key and number. A row has the layout that the region says it has (- for
                memory that is not of this library), its size in bytes, its owner, its permissions, the process that
                made it (which may be gone, and its number another's), and one of

                  in use           a process has it open
                  leftover         no process has it open, it is of this library and of this user: clean removes it
                  kept             of this library; made to be kept while nobody uses it, or of another user
                  foreign          not of this library
                  not ours to see  this user may not look

          --prefix P    only those whose names begin with P

        clean   removes the leftovers and prints them. A region that nobody has open right now is a leftover even if
                its program means to come back: such programs say so when they make it (isKeptWhenUnused). Where other
                programs of this user do not, give the beginning of your own names. Files that were mapped and names of
                Unix sockets are left alone: a file may be anywhere, and the next listener takes a stale name over.

          --prefix P    only leftovers whose names begin with P
          --dry-run     prints what would be removed, and removes nothing

        locks   prints the locks and other objects of a region of IPCSync, which processes have them, and which take part
                in the region. NAME is the region's name, or with a slash the path of its file. Nothing is changed or
                locked, and nobody is waited for; what is printed may be over by then. A line has

                  object    its name in the region, - for the one object of a region of its own
                  kind      mutex, lock, read-write lock, plain semaphore, leased semaphore, condition, barrier, manual
                            event, automatic event, latch, once, election
                  state     free, held, owner died (the next one takes it over), poisoned, read by 3, written, writer
                            died, 1 of 4 free, 2 of 3 (arrived), round 7, broken, not set, 5 left, led, and so on
                  waiters   how many wait: more than there are when some of them were killed; - where nobody counts
                  process   one that has it, or a part of it; ? when it died and its place is another's by now
                  program   what that process runs
                  has       what it has: owner, reads, 2 permits, party, leads; and whether it died
                  seconds   for how long it has had it at least; - when nobody has waited, so that nobody looked

                After an empty line, a line for each process that takes part, or that died and whose place nobody has
                taken: number, program, alive or died, seconds since it came. Columns are two spaces apart at least;
                spaces and control characters of names are written as \\x20.

          --check       exit status 2 when something is poisoned, broken, or held by the dead

        top     prints what a server of several processes (MultiProcessServer) and its workers have done: NAME is the name that
                its options give it. On a terminal it prints again every second until the server ends or Control-C;
                anywhere else once. A line for each worker process has

                  place       which worker it is; while it is being replaced, two processes have the same
                  process     its process id
                  state       starting, ready, leaving (finishes its connections)
                  up          hours, minutes and seconds since it was started
                  accepted    connections that it has accepted
                  open        connections that are open
                  requests    requests that it has counted
                  each second requests since the last time; from the second time on
                  restarts    how often its place had to be filled again because its process had died
                  memory      MiB that it has in use; - when this user may not look

          --interval S  prints again every S seconds
          --count N     ends after N times; 0: goes on

        queue   sends to and receives from message queues. A NAME is

                  /jobs            a POSIX queue
                  sysv:0x1F        a System V queue by its key, hexadecimal or decimal
                  sysv:#3          by its number (msqid in ipcs)
                  sysv:/srv/app    by the key of a file (ftok with project 1)
                  shm:jobs         a shared queue of this library; shm:/srv/jobs: one in a file
                  mailbox:jobs     a mailbox of this library

          send          sends TEXT, or else standard input without the line break at its end, as one message. A queue that
                        is not there is made, for this user alone.
          receive       waits for a message, prints it and a line break
          watch         prints every message that comes, each with priority, type and size; they are taken out of the queue
          list          prints the queues of this machine: messages in them, room, owner and permissions
          remove        removes a queue; a System V queue with its messages, while a POSIX queue stays with those who have
                        it open

          --priority N  POSIX: 0 to 32767, the highest is received first
          --type N      System V: 1 or above. For receive and watch: N, or '<=N' for the lowest up to N, or '!N' for
                        all but N
          --timeout S   gives up after S seconds for each message; 0 does not wait
          --count N     receives N messages
          --raw         prints nothing but the bytes of the message
          --lines       sends each line of standard input as a message
          --no-create   does not make a queue
          --broadcast   makes a mailbox whose messages go to everybody who receives, instead of to one
          --when-full P makes a mailbox with that policy: suspend, fail, drop-newest or drop-oldest
          --from F      where receive and watch begin in a broadcast: new, kept (the usual: all that is there), or a number,
                        the last N messages
          --            what follows is no option

        --version  the version
        --help     this text

        EXIT STATUS: 0; 1 when a mechanism failed (its row says why) or a region could not be looked at; 2 when
        locks --check found an object in trouble; 64 when the arguments cannot be right. Of top: 69 when there is no server of
        that name, or no more. Of queue: 69 when there is no such queue; 75 when the time is up; 77 when the system does not allow it; 1 for everything else.
        Errors go to standard error.
        """
}
