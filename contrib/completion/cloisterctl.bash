# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for cloisterctl(8); /usr/share/bash-completion/completions/cloisterctl
# The words are those of broker/ctl/ctl_cmd.def and ctl_opt.def; a test compares.

# Names and domids of the guests, as far as we may ask.  A name that JSON has to
# escape is left out: its domid is there.
_cloisterctl_guests()
{
	cloisterctl --json list 2>/dev/null | sed -n \
		-e 's/^    "domid": \([0-9]*\),$/\1/p' \
		-e 's/^    "name": "\([^\\"][^\\"]*\)",$/\1/p'
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

# Offers the lines it reads.  Not by compgen -W, which would do what a guest's
# name says, and quoted, because what is offered is put on a command line.
_cloisterctl_offer()
{
	local word quoted

	while IFS= read -r word; do
		printf -v quoted %q "$word"
		[[ $quoted == "$cur"* ]] && COMPREPLY+=("$quoted")
	done
}

_cloisterctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	local commands="list status top metrics explain trace limit restart devices"
	local options="--json --run-dir --batch --delay --sort --follow --count --file --help --version"
	local i command= guest args=()

	COMPREPLY=()
	case $prev in
	--run-dir)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		compopt -o filenames 2>/dev/null
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
	guest=${args[0]//[\\\"\']/}	# COMP_WORDS are quoted as they were typed
	case $command:${#args[@]} in
	:0)
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur") ;;
	status:0|top:0|metrics:0|explain:0|trace:0|limit:0|restart:0)
		_cloisterctl_offer < <(_cloisterctl_guests) ;;
	trace:1)
		_cloisterctl_offer < <(_cloisterctl_processes "$guest"
			_cloisterctl_devices) ;;
	limit:1|restart:1)
		_cloisterctl_offer < <(_cloisterctl_processes "$guest") ;;
	limit:*)
		mapfile -t COMPREPLY < <(compgen -W "cpu.max= cpu.weight= io.max= io.weight=
			memory.max= memory.high= pids.max=" -- "$cur")
		compopt -o nospace ;;
	devices:0)
		_cloisterctl_offer < <(_cloisterctl_devices) ;;
	esac
}
complete -F _cloisterctl cloisterctl
