#!/usr/bin/env bash
# Slurm on this machine alone, and what docs/clusters.md says about it. By hand, as root, in eight minutes:
#
#     apt-get install slurm-wlm munge
#     .venv/bin/pip install -c constraints.txt -e '.[ray,slurm]'
#     tests/slurm/one_node.sh [CASE ...]
#
# It prints a line for each case, and exits with 1 if one failed. All processes live in a namespace of their own: they
# end with this script, and the `ray stop` of `ray symmetric-run` stops no other Ray of this machine.
set -u
if [ -z "${NEUROCOMP_TEST_SLURM:-}" ]; then
    NEUROCOMP_TEST_SLURM=1 exec unshare --pid --fork --mount-proc --kill-child "$0" "$@"
fi
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$(dirname "$here")")
python=$root/.venv/bin/python
folder=$(mktemp -d /tmp/slurmXXXX) # short, because Ray's sockets are below it
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder" || exit 1

export PATH=$root/.venv/bin:$PATH SLURM_CONF=$folder/slurm.conf RAY_TMPDIR=$folder
export RAY_USAGE_STATS_ENABLED=0 RAY_AUTH_MODE=disabled
unset RAY_ADDRESS

start_slurm() {
    mkdir munge state spool
    dd if=/dev/urandom of=munge/key bs=128 count=1 status=none
    chmod 400 munge/key
    chown -R munge munge
    chmod 755 munge
    runuser -u munge -- munged --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
        --pid-file="$folder/munge/pid" --log-file="$folder/munge/log" --seed-file="$folder/munge/seed" || return
    sed -e "s#@FOLDER@#$folder#" -e "s#@HOST@#$(hostname -s)#" -e "s#@CPUS@#$(nproc)#" "$here/slurm.conf" >slurm.conf
    slurmctld && slurmd || return
    for _ in $(seq 30); do
        sinfo --noheader --format=%T 2>sinfo.log | grep -q idle && return
        sleep 1
    done
    echo "Slurm does not start:"
    tail -n 5 sinfo.log slurmctld.log slurmd.log
    return 1
}

# Five seconds of work, six cells of 20 restarts; with $LONG it takes minutes.
GRID="run -m task=map_inc init=map_dec,map_inc,loop_noop seed=0,1 restarts=20 chunk=2 examples=4 task.length=1 \
    engine=fused threads=1 optimizer.updates=300 optimizer.hold=300"
ROWS=120
rows() { find "$1" -name '*.csv' -exec tail -q -n +2 {} + 2>find.log | wc -l; }
holds_every_row_once() { [ "$(rows "$1")" = $ROWS ] && "$python" "$root/tests/same_rows.py" plain/runs "$1/runs"; }
state() { scontrol show job "$1" | grep -oE '(JobState|ExitCode)=[^ ]+' | head -n 2 | tr '\n' ' '; }
ended() { # job: wait for its end
    until scontrol show job "$1" | grep -qE 'JobState=(COMPLETED|FAILED|CANCELLED|TIMEOUT)'; do sleep 1; done
}
until_rows() { # folder, number: wait until so many rows are there
    for _ in $(seq 600); do [ "$(rows "$1")" -ge "$2" ] && return; sleep 0.1; done
    return 1
}

srun_hostname() { [ "$(srun hostname)" = "$(hostname)" ]; }

array_of_equal_commands() {
    sbatch --wait --array=0-2 --output=array-%a.out --wrap "neurocomp $GRID results=$folder/array"
    holds_every_row_once array || return
    sbatch --wait --output=again.out --wrap "neurocomp $GRID results=$folder/array" && ! grep -q neurocomp: again.out
}

ray_symmetric_run() {
    srun --ntasks=1 --cpus-per-task="$(nproc)" ray symmetric-run --address 127.0.0.1:6389 --num-cpus="$(nproc)" \
        --include-dashboard=false -- neurocomp $GRID workers=ray results="$folder/ray" && holds_every_row_once ray
}

scancel_then_again() {
    local job
    job=$(sbatch --parsable --output=cancelled.out --wrap "srun neurocomp $GRID results=$folder/cancelled")
    until_rows cancelled 10 && scancel "$job" || return
    ended "$job"
    echo "$(state "$job")with $(rows cancelled) rows"
    [ "$(rows cancelled)" -lt $ROWS ] && cat cancelled.out || return
    sbatch --wait --output=finished.out --wrap "srun neurocomp $GRID results=$folder/cancelled" || return
    holds_every_row_once cancelled
}

time_limit() {
    local job long="optimizer.updates=5000 optimizer.hold=5000" before
    job=$(sbatch --parsable --time=1 --output=late.out --wrap "srun neurocomp $GRID $long results=$folder/late")
    ended "$job"
    before=$(rows late)
    echo "$(state "$job")with $before rows"
    cat late.out
    grep -q "ended by SIGTERM; the same command again goes on" late.out && [ "$before" -gt 0 ] || return
    "$python" - "$folder/late" <<'END'
import csv, pathlib, sys
for path in pathlib.Path(sys.argv[1]).rglob("*.csv"):
    restarts = [row["restart"] for row in csv.DictReader(path.open(newline=""))]
    assert len(set(restarts)) == len(restarts) and path.read_bytes().endswith(b"\n"), path
END
}

hydra_launcher() {
    neurocomp $GRID hydra/launcher=submitit_slurm results="$folder/hydra" && holds_every_row_once hydra
}

hydra_launcher_scancel() { # one of two jobs: a loss that is said, after the other one has ended
    local long="optimizer.updates=2000 optimizer.hold=2000" two command code
    two="init=map_dec,map_inc seed=0 $long hydra/launcher=submitit_slurm results=$folder/lost"
    neurocomp $GRID $two >lost.out 2>&1 &
    command=$!
    until_rows lost 4 && scancel "$(squeue --noheader --states=RUNNING --format=%i | head -n 1)"
    wait $command
    code=$?
    cat lost.out
    [ $code = 1 ] && ! grep -q Traceback lost.out && [ "$(grep -c ': incomplete, ' lost.out)" = 1 ] || return
    grep -q "a job was lost before its cell was done .*; rows so far are safe, and the same command goes on" lost.out &&
        grep -q "20/20 *complete" lost.out && neurocomp $GRID $two && [ "$(rows lost)" = 40 ]
}

CASES="srun_hostname array_of_equal_commands ray_symmetric_run scancel_then_again time_limit hydra_launcher
    hydra_launcher_scancel"
start_slurm || exit 1
neurocomp $GRID results="$folder/plain" >plain.log 2>&1 && [ "$(rows plain)" = $ROWS ] || { cat plain.log; exit 1; }
code=0
for case in ${*:-$CASES}; do
    began=$SECONDS
    if "$case" >"$case.log" 2>&1; then
        echo "passed  $case ($((SECONDS - began)) s)"
    else
        echo "failed  $case ($((SECONDS - began)) s)"
        code=1
    fi
    if [ $code = 1 ] || [ -n "${VERBOSE:-}" ]; then sed -e 's/.*\r//' -e 's/^/        /' "$case.log"; fi
done
exit $code
