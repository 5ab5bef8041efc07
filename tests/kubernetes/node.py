#!/usr/bin/env python3
"""Nodes of Kubernetes, as far as its control plane sees them: they register, send heartbeats, and really run the pods that the scheduler
gives them, as processes of this machine and of this user; images, cgroups and users are not theirs. Paths below a mount are those
of a folder of the pod.

    node.py --server HOST:PORT --pki FOLDER --folder FOLDER [--nodes 4] [--cpus 4]

While FOLDER/dead.NODE is there that node is dead: what it ran is killed, and nothing is heard of it."""
import argparse, base64, datetime, http.client, json, os, re, shutil, signal, ssl, subprocess, sys, threading, time

parser = argparse.ArgumentParser()
for option in ('--server', '--pki', '--folder'):
    parser.add_argument(option, required=True)
parser.add_argument('--nodes', type=int, default=4)
parser.add_argument('--cpus', type=int, default=4)
options = parser.parse_args()
context = ssl.create_default_context(cafile=options.pki + '/ca.pem')
context.load_cert_chain(options.pki + '/admin.pem', options.pki + '/admin.key')
began = datetime.datetime.utcnow().strftime('%Y-%m-%dT%H:%M:%SZ')
root = options.folder + '/pods'


def ask(method, path, body=None):
    """The answer's status and object; 0 while the server is away."""
    connection = http.client.HTTPSConnection(options.server, context=context, timeout=20)
    kind = 'application/merge-patch+json' if method == 'PATCH' else 'application/json'
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, {'Content-Type': kind})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b'{}')
    except (OSError, http.client.HTTPException, ValueError):
        return 0, {}
    finally:
        connection.close()


def now(micro=False):
    return datetime.datetime.utcnow().strftime('%Y-%m-%dT%H:%M:%S' + ('.%fZ' if micro else 'Z'))


def is_dead(node):
    return os.path.exists('%s/dead.%s' % (options.folder, node))


def heartbeat(node):
    path = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases'
    ask('POST', '/api/v1/nodes', {'metadata': {'name': node, 'labels': {'kubernetes.io/hostname': node}}})
    while True:
        if not is_dead(node):
            size = {'cpu': str(options.cpus), 'memory': '64Gi', 'pods': '110'}
            ask('PATCH', '/api/v1/nodes/%s/status' % node, {'status': {
                'capacity': size, 'allocatable': size, 'conditions': [
                    {'type': 'Ready', 'status': 'True', 'reason': 'KubeletReady', 'lastHeartbeatTime': now(),
                     'lastTransitionTime': began}]}})
            spec = {'holderIdentity': node, 'leaseDurationSeconds': 10, 'renewTime': now(True)}
            if ask('PATCH', '%s/%s' % (path, node), {'spec': spec})[0] == 404:
                ask('POST', path, {'metadata': {'name': node}, 'spec': spec})
        time.sleep(2)


class Pod:
    def __init__(self, o):
        self.node, self.name = o['spec']['nodeName'], o['metadata']['name']
        self.space, self.uid = o['metadata']['namespace'], o['metadata']['uid']
        self.path = '/api/v1/namespaces/%s/pods/%s' % (self.space, self.name)
        self.folder = '%s/%s' % (root, self.name)
        self.process, self.ending = None, None
        threading.Thread(target=self.run, args=(o,), daemon=True).start()

    def get(self, kind, name):
        status, o = ask('GET', '/api/v1/namespaces/%s/%s/%s' % (self.space, kind, name))
        if status != 200:
            raise KeyError('%s "%s" not found' % (kind, name))
        return o

    def write(self, folder, name, text):
        with open(os.path.join(folder, name), 'wb') as f:
            f.write(base64.b64decode(text))

    def materialize(self, spec):
        """The volumes as folders; path of the mount -> folder."""
        paths = {}
        for v in spec.get('volumes', []):
            folder = paths[v['name']] = os.path.join(self.folder, v['name'])
            os.makedirs(folder)
            if 'secret' in v:
                for key, value in self.get('secrets', v['secret']['secretName'])['data'].items():
                    self.write(folder, key, value)
            for source in v.get('projected', {}).get('sources', []):
                o = self.get('configmaps', source['configMap']['name'])
                for item in source['configMap']['items']:
                    self.write(folder, item['path'], o['binaryData'][item['key']])
        return {m['mountPath']: paths[m['name']] for m in spec['containers'][0]['volumeMounts']}

    def tell(self, phase, state):
        container = {'name': 'worker', 'image': 'none', 'imageID': '', 'ready': phase == 'Running', 'restartCount': 0,
                     'state': state}
        if not is_dead(self.node):
            ask('PATCH', self.path + '/status', {'status': {'phase': phase, 'containerStatuses': [container]}})

    def run(self, o):
        spec = o['spec']
        try:
            mounts = self.materialize(spec)
        except KeyError as e:
            self.tell('Pending', {'waiting': {'reason': 'CreateContainerConfigError', 'message': str(e.args[0])}})
            return
        container = spec['containers'][0]
        env = dict(os.environ, TMPDIR=mounts['/tmp'])
        for e in container.get('env', []):
            field = e.get('valueFrom', {}).get('fieldRef', {}).get('fieldPath')
            env[e['name']] = o['metadata']['labels'][re.match(r"metadata\.labels\['(.*)'\]", field).group(1)] \
                if field else e.get('value', '')
        script = os.path.join(mounts['/muster/script'], 'script')
        with open(script) as f:
            text = f.read()
        for path, folder in mounts.items():
            if path.startswith('/muster/'):
                text = text.replace(path + '/', folder + '/')
        with open(script, 'w') as f:
            f.write(text)
        with open(os.path.join(self.folder, 'log'), 'wb') as log:
            self.process = subprocess.Popen(['/bin/sh', script], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)
        self.tell('Running', {'running': {'startedAt': now()}})
        code = self.process.wait()
        self.tell('Failed' if code else 'Succeeded', {'terminated': {
            'exitCode': code & 255, 'reason': 'Error' if code else 'Completed', 'finishedAt': now()}})

    def signal(self, number):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def end(self, grace):
        """It was told to go: once it has ended, or after its grace, it is taken from the server."""
        if self.ending is None:
            self.ending = time.time() + grace
            self.signal(signal.SIGTERM)
        if self.process and self.process.poll() is None:
            if time.time() > self.ending:
                self.signal(signal.SIGKILL)
            return
        ask('DELETE', self.path, {'gracePeriodSeconds': 0, 'preconditions': {'uid': self.uid}})


pods = {}


def look():
    status, o = ask('GET', '/api/v1/pods')
    if status != 200:
        return
    seen = set()
    for item in o['items']:
        uid, node = item['metadata']['uid'], item['spec'].get('nodeName', '')
        seen.add(uid)
        if not node.startswith('node') or is_dead(node):
            continue
        if uid not in pods:
            pods[uid] = Pod(item)
        if 'deletionTimestamp' in item['metadata']:
            pods[uid].end(item['metadata'].get('deletionGracePeriodSeconds', 30))
    for uid in [u for u in pods if u not in seen]:
        pods[uid].signal(signal.SIGKILL)
        shutil.rmtree(pods.pop(uid).folder, ignore_errors=True)


def stop(*_):
    for p in pods.values():
        p.signal(signal.SIGKILL)
    os._exit(0)


signal.signal(signal.SIGTERM, stop)
for i in range(options.nodes):
    threading.Thread(target=heartbeat, args=('node%d' % (i + 1),), daemon=True).start()
while True:
    look()
    for p in list(pods.values()):
        if is_dead(p.node):
            p.signal(signal.SIGKILL)
    time.sleep(0.2)
