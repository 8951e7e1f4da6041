# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion for cloisterctl(8); /usr/share/fish/vendor_completions.d/cloisterctl.fish
# The words are those of broker/ctl/ctl_cmd.def and ctl_opt.def; a test compares.

function __cloisterctl_guests
    cloisterctl list 2>/dev/null | string match -r -g '^ *[0-9]+ +(\S+)'
end

function __cloisterctl_devices
    cloisterctl devices 2>/dev/null | string match -r -g '^(\S+):'
end

function __cloisterctl_no_command
    not __fish_seen_subcommand_from list status top metrics explain trace limit restart devices
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
complete -c cloisterctl -n '__fish_seen_subcommand_from status top metrics explain trace limit restart' -a '(__cloisterctl_guests)'
complete -c cloisterctl -n '__fish_seen_subcommand_from trace devices' -a '(__cloisterctl_devices)'
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
