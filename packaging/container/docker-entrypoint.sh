#!/bin/sh
# Gives the folders to whom the broker becomes, and starts it. As in Mosquitto's image, PUID and PGID say who that is.
set -e

if [ "$(id -u)" = 0 ]; then
	for folder in /mosquitto/data /mosquitto/log; do
		# One that cannot be changed may be right as it is.
		chown -R "${PUID:-1883}:${PGID:-1883}" "$folder" || true
	done
fi

exec "$@"
