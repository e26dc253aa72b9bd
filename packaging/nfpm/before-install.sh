#!/bin/sh
# The user of the service.
set -e
if ! getent passwd names >/dev/null; then
	useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin names
fi
