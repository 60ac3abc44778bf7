# `make run` and `make test` are all a newcomer needs; CONTRIBUTING.md has the finer tools.

BUILD_PACKAGES = cc=gcc libc6-dev
RUN_PACKAGES   = $(BUILD_PACKAGES) espeak-ng=espeak-ng ca-certificates
TEST_PACKAGES  = $(RUN_PACKAGES) sipp=sip-tester baresip=baresip-core linphone-daemon=linphone-cli sox=sox \
                 strace=strace svwar=sipvicious \
                 python3=python3 python3-venv node=nodejs npm=npm curl=curl openssl=openssl \
                 dnsmasq=dnsmasq-base
TOOLS          = $(CURDIR)/target/test-tools

.PHONY: run test fetch check

# Build, start with a demo domain on this machine only, and place a first call.
run:
	@scripts/packages $(RUN_PACKAGES)
	@cargo run --release --package ringway -- demo

# Everything needed to trust a change. The one step that reaches beyond this machine is `fetch`.
test: fetch
	@cargo xtask ready

# What the tests drive Ringway with: phones, load, and the official client libraries.
fetch:
	@scripts/packages $(TEST_PACKAGES)
	@scripts/test-tools $(TOOLS)
	@cargo fetch --locked --quiet

check:
	@cargo xtask check
