# SPDX-License-Identifier: GPL-2.0-or-later
# case: keys typed over VNC arrive, with a password; wrong password refused
# options: --guest-append xen_emul_unplug=never
# cfg: vncpasswd="sesame"
. lab-case

port=$(xenstore-read "/local/domain/$DOMID/console/vnc-port")
if VNC_PASSWORD=wrong vnctool "127.0.0.1:$port" size; then
	false
fi
export VNC_PASSWORD=sesame
vnctool "127.0.0.1:$port" size
vnctool "127.0.0.1:$port" shot /out/before.ppm
vnctool "127.0.0.1:$port" type '<Return>'
vnctool "127.0.0.1:$port" type 'echo typed-over-vnc_OK: >/dev/ttyS0<Return>'
guest-expect 'typed-over-vnc_OK:' 60
vnctool "127.0.0.1:$port" shot /out/screen.ppm
[ "$(head -c 2 /out/screen.ppm)" = P6 ]
lit /out/before.ppm /out/screen.ppm
