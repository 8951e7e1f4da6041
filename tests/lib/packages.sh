# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/lib/packages.sh - sourced by tests/run and contrib/demo: install the
# Debian packages a list names, if they are missing

# install_packages LIST
install_packages() {
	[ -r "$1" ] || { echo "no list of packages: $1" >&2; return 1; }
	missing=
	for p in $(sed 's/#.*//' "$1"); do
		dpkg-query -W -f '${Status}' "$p" 2>/dev/null |
			grep -q 'ok installed' || missing="$missing $p"
	done
	[ -n "$missing" ] || return 0
	echo "== installing:$missing"
	sudo=
	if [ "$(id -u)" -ne 0 ]; then
		sudo=sudo
	fi
	$sudo apt-get update -q || return 1
	# shellcheck disable=SC2086  # a list of words
	$sudo env DEBIAN_FRONTEND=noninteractive \
		apt-get install -qy --no-install-recommends $missing
}
