# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion for cloisterctl(8); /usr/share/fish/vendor_completions.d/cloisterctl.fish
# The words are those of broker/ctl/ctl_cmd.def and ctl_opt.def; a test compares.

# The command and its arguments so far, without options.
function __cloisterctl_words
    set --local skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if contains -- $word --run-dir --batch --delay --sort --count --file
            set skip 1
        else if not string match -q -- '-*' $word
            string unescape -- $word; or echo -- $word
        end
    end
end

# Is it argument $argv[1] of one of the commands after it?
function __cloisterctl_at
    set --local words (__cloisterctl_words)
    test (count $words) = $argv[1]; and contains -- $words[1] $argv[2..-1]
end

function __cloisterctl_no_command
    test (count (__cloisterctl_words)) = 0
end

# A name that JSON has to escape is left out: its domid is there.
function __cloisterctl_guests
    cloisterctl --json list 2>/dev/null | string match -r -g '^    "(?:domid": |name": ")([^\\\\"]+)"?,$'
end

function __cloisterctl_processes
    set --local words (__cloisterctl_words)
    cloisterctl status $words[2] 2>/dev/null | string match -r -g '^  (\S+) +(?:[0-9]+|-) '
end

function __cloisterctl_devices
    cloisterctl devices 2>/dev/null | string match -r -g '^(\S+):'
end

function __cloisterctl_more_limits
    set --local words (__cloisterctl_words)
    test (count $words) -ge 3; and test $words[1] = limit
end

complete -c cloisterctl -f
complete -c cloisterctl -n __cloisterctl_no_command -a list -d 'the guests of this host'
complete -c cloisterctl -n __cloisterctl_no_command -a status -d 'devices and processes of a guest, or of all'
complete -c cloisterctl -n __cloisterctl_no_command -a top -d 'what each process uses, live'
complete -c cloisterctl -n __cloisterctl_no_command -a metrics -d 'the OpenMetrics text'
complete -c cloisterctl -n __cloisterctl_no_command -a explain -d 'how each process is confined'
complete -c cloisterctl -n __cloisterctl_no_command -a trace -d 'accesses to a device or worker'
complete -c cloisterctl -n __cloisterctl_no_command -a limit -d 'set limits of a process'
complete -c cloisterctl -n __cloisterctl_no_command -a restart -d 'replace a process'
complete -c cloisterctl -n __cloisterctl_no_command -a devices -d 'the devices there can be'
complete -c cloisterctl -n '__cloisterctl_at 1 status top metrics explain trace limit restart' -a '(__cloisterctl_guests)'
complete -c cloisterctl -n '__cloisterctl_at 2 trace limit restart' -a '(__cloisterctl_processes)'
complete -c cloisterctl -n '__cloisterctl_at 2 trace' -a '(__cloisterctl_devices)'
complete -c cloisterctl -n '__cloisterctl_at 1 devices' -a '(__cloisterctl_devices)'
complete -c cloisterctl -n __cloisterctl_more_limits -a 'cpu.max= cpu.weight= io.max= io.weight= memory.max= memory.high= pids.max='
complete -c cloisterctl -l json -d 'print JSON'
complete -c cloisterctl -l run-dir -x -a '(__fish_complete_directories)' -d 'look for guests there'
complete -c cloisterctl -n '__fish_seen_subcommand_from top' -l batch -x -d 'print so many times, and end'
complete -c cloisterctl -n '__fish_seen_subcommand_from top' -l delay -x -d 'seconds between pictures'
complete -c cloisterctl -n '__fish_seen_subcommand_from top' -l sort -x -a 'cpu memory requests io name' -d 'order'
complete -c cloisterctl -n '__fish_seen_subcommand_from trace' -l follow -d 'go on with what comes'
complete -c cloisterctl -n '__fish_seen_subcommand_from trace' -l count -x -d 'end after so many accesses'
complete -c cloisterctl -n '__fish_seen_subcommand_from trace' -l file -r -F -d 'of a crash report, not of a guest'
complete -c cloisterctl -l help -d 'print help'
complete -c cloisterctl -l version -d 'print the version'
