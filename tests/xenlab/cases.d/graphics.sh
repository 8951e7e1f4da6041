# SPDX-License-Identifier: GPL-2.0-or-later
# case: a console in graphics mode: a picture, and keys that change it
# options: --guest-append 'xen_emul_unplug=never vga=0x314'
. lab-case

port=$(xenstore-read "/local/domain/$DOMID/console/vnc-port")
same "$(ask 'cat /sys/class/graphics/fb0/name')" 'VESA VGA' 'frame buffer'
same "$(vnctool "127.0.0.1:$port" size)" 800x600 'size of the screen'
vnctool "127.0.0.1:$port" shot /out/before.ppm
vnctool "127.0.0.1:$port" type 'ls -l /proc<Return>'
sleep 2
vnctool "127.0.0.1:$port" shot /out/after.ppm
same "$(head -n 2 /out/after.ppm | tr '\n' ' ')" 'P6 800 600 ' 'picture'
lit /out/before.ppm /out/after.ppm
