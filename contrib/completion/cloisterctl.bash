# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for cloisterctl(8); /usr/share/bash-completion/completions/cloisterctl
# The words are those of broker/ctl/ctl_cmd.def and ctl_opt.def; a test compares.

# Names and domids of the guests, as far as we may ask.
_cloisterctl_guests()
{
	cloisterctl list 2>/dev/null | while read -r domid name rest; do
		case $domid in
		[0-9]*) printf '%s\n%s\n' "$domid" "$name" ;;
		esac
	done
}

# "disk0", ... of guest $1.
_cloisterctl_processes()
{
	cloisterctl status "$1" 2>/dev/null | grep '^ ' | while read -r name pid rest; do
		case $pid in
		[0-9]*|-) printf '%s\n' "$name" ;;
		esac
	done
}

_cloisterctl_devices()
{
	cloisterctl devices 2>/dev/null | while IFS=: read -r name rest; do
		case $name in
		' '*) ;;
		*) printf '%s\n' "$name" ;;
		esac
	done
}

_cloisterctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	local commands="list status top metrics explain trace limit restart devices"
	local options="--json --run-dir --batch --delay --sort --follow --count --file --help --version"
	local i command= args=()

	COMPREPLY=()
	case $prev in
	--run-dir)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return ;;
	--file)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames 2>/dev/null
		return ;;
	--sort)
		mapfile -t COMPREPLY < <(compgen -W "cpu memory requests io name" -- "$cur")
		return ;;
	--batch|--delay|--count)
		return ;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
		return
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--run-dir|--sort|--batch|--delay|--count|--file) ((i++)) ;;
		-*) ;;
		*)
			if [[ -z $command ]]; then
				command=${COMP_WORDS[i]}
			else
				args+=("${COMP_WORDS[i]}")
			fi ;;
		esac
	done
	case $command:${#args[@]} in
	:0)
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur") ;;
	status:0|top:0|metrics:0|explain:0|trace:0|limit:0|restart:0)
		mapfile -t COMPREPLY < <(compgen -W "$(_cloisterctl_guests)" -- "$cur") ;;
	trace:1)
		mapfile -t COMPREPLY < <(compgen -W "$(_cloisterctl_processes "${args[0]}")
			$(_cloisterctl_devices)" -- "$cur") ;;
	limit:1|restart:1)
		mapfile -t COMPREPLY < <(compgen -W "$(_cloisterctl_processes "${args[0]}")" \
			-- "$cur") ;;
	limit:*)
		mapfile -t COMPREPLY < <(compgen -W "cpu.max= cpu.weight= io.max= io.weight=
			memory.max= memory.high= pids.max=" -- "$cur")
		compopt -o nospace ;;
	devices:0)
		mapfile -t COMPREPLY < <(compgen -W "$(_cloisterctl_devices)" -- "$cur") ;;
	esac
}
complete -F _cloisterctl cloisterctl
