#!/bin/sh
# The service is not started: its configuration comes first.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	systemctl try-restart names.service || true
fi
if [ -z "$2" ] && [ "$1" = configure ] || [ "$1" = 1 ]; then
	echo "names: edit /etc/names/names.toml, check it with \"names check --config /etc/names/names.toml\","
	echo "names: and start the server with \"systemctl enable --now names\""
fi
