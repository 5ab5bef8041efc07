#!/usr/bin/env python3
"""An API server of Kubernetes with its controllers and nodes, as far as a client of Jobs, Secrets and ConfigMaps sees them. Objects are
checked against the fields that Kubernetes' OpenAPI document has for them: an unknown or a missing one is refused. Containers really
run, as processes of this machine: paths below /muster in what they run are those of a folder of the pod.

    kube_api.py --port-file F [--nodes 4] [--cpus 4] [--token T] [--quota JOBS]
            [--pod-quota CPUS] [--no-events] [--cert F --key F --client-ca F]

GET /control?do=… for tests:
    state               JSON: objects, pods, what was refused
    token&value=T       only this token from now on
    expire              watches end with 410 Expired
    drop                watches end
    evict               one running pod is evicted
    delete              all Jobs are deleted
    broken=1|0          pods stay in ImagePullBackOff
    down=1|0            every answer is 503
"""
import argparse, base64, http.server, json, os, queue, random, re, shutil, signal, socketserver, ssl
import subprocess, tempfile, threading, time, urllib.parse, uuid

lock = threading.RLock()
random.seed(5)
S, I, B, M = 'string', 'integer', 'boolean', 'map'


class Kind:
    """The fields of an object: name -> S, I, B, M (any map of texts), a Kind, or [one of these]; '!' before it: required."""
    def __init__(self, **fields):
        self.required = {n.rstrip('_') for n, t in fields.items() if isinstance(t, tuple)}
        self.fields = {n.rstrip('_'): t[0] if isinstance(t, tuple) else t for n, t in fields.items()}


OWNER = Kind(apiVersion=(S,), kind=(S,), name=(S,), uid=(S,), controller=B, blockOwnerDeletion=B)
META = Kind(name=S, generateName=S, namespace=S, labels=M, annotations=M, ownerReferences=[OWNER], finalizers=[S])
FIELD_REF = Kind(fieldPath=(S,), apiVersion=S)
KEY_REF = Kind(name=S, key=(S,), optional=B)
ENV = Kind(name=(S,), value=S, valueFrom=Kind(fieldRef=FIELD_REF, secretKeyRef=KEY_REF, configMapKeyRef=KEY_REF))
RESOURCES = Kind(requests=M, limits=M)
MOUNT = Kind(name=(S,), mountPath=(S,), readOnly=B, subPath=S)
SECCOMP = Kind(type=(S,), localhostProfile=S)
CONTAINER_SECURITY = Kind(allowPrivilegeEscalation=B, readOnlyRootFilesystem=B, capabilities=Kind(add=[S], drop=[S]),
                          privileged=B, runAsNonRoot=B, runAsUser=I, runAsGroup=I, seccompProfile=SECCOMP)
CONTAINER = Kind(name=(S,), image=(S,), imagePullPolicy=S, command=[S], args=[S], env=[ENV], resources=RESOURCES,
                 volumeMounts=[MOUNT], securityContext=CONTAINER_SECURITY, workingDir=S, terminationMessagePolicy=S)
ITEM = Kind(key=(S,), path=(S,), mode=I)
VOLUME = Kind(name=(S,), emptyDir=Kind(medium=S, sizeLimit=S), secret=Kind(secretName=S, defaultMode=I, items=[ITEM]),
              configMap=Kind(name=S, items=[ITEM], defaultMode=I),
              projected=Kind(defaultMode=I, sources=[Kind(configMap=Kind(name=S, items=[ITEM], optional=B),
                                                          secret=Kind(name=S, items=[ITEM], optional=B))]))
TOLERATION = Kind(key=S, operator=S, value=S, effect=S, tolerationSeconds=I)
POD_SECURITY = Kind(runAsNonRoot=B, runAsUser=I, runAsGroup=I, fsGroup=I, seccompProfile=SECCOMP)
POD = Kind(restartPolicy=S, terminationGracePeriodSeconds=I, automountServiceAccountToken=B, enableServiceLinks=B,
           securityContext=POD_SECURITY, tolerations=[TOLERATION], containers=([CONTAINER],), initContainers=[CONTAINER],
           volumes=[VOLUME], nodeSelector=M, priorityClassName=S, imagePullSecrets=[Kind(name=S)], hostNetwork=B,
           serviceAccountName=S)
JOB_SPEC = Kind(parallelism=I, completions=I, backoffLimit=I, activeDeadlineSeconds=I, ttlSecondsAfterFinished=I,
                template=(Kind(metadata=META, spec=(POD,)),))
KINDS = {
    'jobs': ('Job', 'batch/v1', Kind(apiVersion=(S,), kind=(S,), metadata=(META,), spec=(JOB_SPEC,))),
    'secrets': ('Secret', 'v1', Kind(apiVersion=(S,), kind=(S,), metadata=(META,), type_=S, data=M, stringData=M,
                                     immutable=B)),
    'configmaps': ('ConfigMap', 'v1', Kind(apiVersion=(S,), kind=(S,), metadata=(META,), data=M, binaryData=M,
                                           immutable=B)),
}
NAME = re.compile(r'^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')
LABEL = re.compile(r'^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$')


def check(value, kind, path, errors):
    if isinstance(kind, Kind):
        if not isinstance(value, dict):
            errors.append('%s: an object is expected' % path)
            return
        for name in value:
            if name not in kind.fields:
                errors.append('%s: unknown field "%s"' % (path, name))
            else:
                check(value[name], kind.fields[name], path + '.' + name, errors)
        errors.extend('%s.%s: Required value' % (path, n) for n in kind.required if n not in value)
    elif isinstance(kind, list):
        if not isinstance(value, list):
            errors.append('%s: a list is expected' % path)
        else:
            for i, one in enumerate(value):
                check(one, kind[0], '%s[%d]' % (path, i), errors)
    elif kind is M:
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            errors.append('%s: a map of texts is expected' % path)
    elif not isinstance(value, {S: str, I: int, B: bool}[kind]) or (kind is I and isinstance(value, bool)):
        errors.append('%s: %s is expected' % (path, kind))


def restricted(pod, errors):
    """The Pod Security Standard of that name."""
    for c in pod['containers']:
        s, p = c.get('securityContext', {}), pod.get('securityContext', {})
        if s.get('allowPrivilegeEscalation') is not False or s.get('capabilities', {}).get('drop') != ['ALL'] \
                or not (s.get('runAsNonRoot') or p.get('runAsNonRoot')) \
                or (s.get('seccompProfile') or p.get('seccompProfile') or {}).get('type') != 'RuntimeDefault':
            errors.append('violates PodSecurity "restricted:latest"')
        r = c.get('resources', {})
        if r.get('requests') != r.get('limits') or not r.get('requests'):
            errors.append('requests and limits differ')
        mounts = {m['name'] for m in c.get('volumeMounts', [])}
        if mounts - {v['name'] for v in pod.get('volumes', [])}:
            errors.append('volumeMounts: Not found')


class Pod:
    def __init__(self, job, node):
        self.job, self.node, self.process, self.folder = job, node, None, None
        self.name = job['metadata']['name'] + '-' + uuid.uuid4().hex[:5]
        self.deleting = False
        spec = job['spec']['template']['spec']
        self.cpus = float(spec['containers'][0]['resources']['requests']['cpu'])
        labels = dict(job['spec']['template'].get('metadata', {}).get('labels', {}))
        labels.update({'job-name': job['metadata']['name'], 'controller-uid': job['metadata']['uid']})
        self.object = {'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {
            'name': self.name, 'uid': str(uuid.uuid4()), 'labels': labels}, 'spec': spec,
            'status': {'phase': 'Pending', 'conditions': []}}


class Cluster:
    def __init__(self, options):
        self.options = options
        self.token = options.token
        self.objects = {k: {} for k in KINDS}
        self.pods = {}
        self.version = 100
        self.history = []           # (version, event) of pods
        self.watches = []
        self.refused, self.requests = [], []
        self.events = {}            # of Jobs: name -> Event
        self.broken = self.down = False
        self.root = tempfile.mkdtemp(prefix='kube.')

    def changed(self, pod, kind):
        self.version += 1
        pod.object['metadata']['resourceVersion'] = str(self.version)
        event = {'type': kind, 'object': json.loads(json.dumps(pod.object))}
        self.history.append((self.version, event))
        for w in self.watches:
            w.put(event)

    # -- nodes ----------------------------------------------------------------------------

    def over_quota(self, job, pod):
        """As the Job's controller finds out: only an Event of the Job tells."""
        limit, used = self.options.pod_quota, sum(p.cpus for p in self.pods.values())
        if limit is None or used + pod.cpus <= limit:
            return False
        self.events[job['metadata']['name']] = {
            'kind': 'Event', 'type': 'Warning', 'reason': 'FailedCreate',
            'involvedObject': {'kind': 'Job', 'name': job['metadata']['name']},
            'message': 'Error creating: pods "%s" is forbidden: exceeded quota: builds, requested: limits.cpu=%g, used: '
                       'limits.cpu=%g, limited: limits.cpu=%g' % (pod.name, pod.cpus, used, limit)}
        return True

    def place(self):
        used = {}
        for p in self.pods.values():
            if p.node is not None:
                used[p.node] = used.get(p.node, 0) + p.cpus
        for p in list(self.pods.values()):
            if p.node is None:
                for n in range(self.options.nodes):
                    if used.get(n, 0) + p.cpus <= self.options.cpus:
                        used[n] = used.get(n, 0) + p.cpus
                        p.node = n
                        threading.Thread(target=self.run, args=(p,), daemon=True).start()
                        break
                else:
                    if not p.object['status']['conditions']:
                        p.object['status']['conditions'] = [{
                            'type': 'PodScheduled', 'status': 'False', 'reason': 'Unschedulable',
                            'message': '0/%d nodes are available: %d Insufficient cpu.' % (
                                self.options.nodes, self.options.nodes)}]
                        self.changed(p, 'MODIFIED')

    def container_state(self, pod, phase, state):
        pod.object['status'].update(phase=phase, containerStatuses=[{'name': 'worker', 'state': state}])
        self.changed(pod, 'MODIFIED')

    def materialize(self, pod):
        """The volumes as folders; path of the mount -> folder."""
        spec = pod.object['spec']
        pod.folder = os.path.join(self.root, pod.name)
        paths = {}
        for v in spec.get('volumes', []):
            folder = os.path.join(pod.folder, v['name'])
            os.makedirs(folder)
            sources = v.get('projected', {}).get('sources', [])
            if 'secret' in v:
                o = self.objects['secrets'][v['secret']['secretName']]
                for key, value in o['data'].items():
                    with open(os.path.join(folder, key), 'wb') as f:
                        f.write(base64.b64decode(value))
            for source in sources:
                o = self.objects['configmaps'][source['configMap']['name']]
                for item in source['configMap']['items']:
                    with open(os.path.join(folder, item['path']), 'wb') as f:
                        f.write(base64.b64decode(o['binaryData'][item['key']]))
            paths[v['name']] = folder
        return {m['mountPath']: paths[m['name']] for m in spec['containers'][0]['volumeMounts']}

    def run(self, pod):
        with lock:
            if self.broken:
                self.container_state(pod, 'Pending', {'waiting': {
                    'reason': 'ImagePullBackOff', 'message': 'Back-off pulling image "%s"' %
                    pod.object['spec']['containers'][0]['image']}})
                return
            try:
                mounts = self.materialize(pod)
            except KeyError as e:
                self.container_state(pod, 'Pending', {'waiting': {
                    'reason': 'CreateContainerConfigError', 'message': '%s not found' % e}})
                return
            container = pod.object['spec']['containers'][0]
            labels = pod.object['metadata']['labels']
            env = dict(os.environ, TMPDIR=mounts['/tmp'])
            for e in container.get('env', []):
                ref = e.get('valueFrom', {}).get('fieldRef', {}).get('fieldPath')
                env[e['name']] = labels[re.match(r"metadata\.labels\['(.*)'\]", ref).group(1)] if ref else e['value']
            argv = []
            for word in container['command'] + container.get('args', []):
                for path, folder in mounts.items():
                    if word.startswith(path + '/'):
                        word = folder + word[len(path):]
                        break
                argv.append(word)
            script = os.path.join(mounts['/muster/script'], 'script')
            with open(script) as f:
                text = f.read()
            for path, folder in mounts.items():
                if path.startswith('/muster/'):
                    text = text.replace(path + '/', folder + '/')
            with open(script, 'w') as f:
                f.write(text)
            with open(os.path.join(pod.folder, 'log'), 'wb') as log:
                pod.process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                               start_new_session=True)
            self.container_state(pod, 'Running', {'running': {'startedAt': time.strftime('%FT%TZ')}})
        code = pod.process.wait()
        with lock:
            if pod.name not in self.pods:
                return
            if pod.deleting:
                self.remove_pod(pod)
                return
            self.container_state(pod, 'Failed' if code else 'Succeeded',
                                 {'terminated': {'exitCode': code, 'reason': 'Error' if code else 'Completed'}})
            pod.node, pod.cpus = -1, 0
            pod.job['done_at'] = time.time()

    def remove_pod(self, pod):
        self.pods.pop(pod.name, None)
        self.changed(pod, 'DELETED')
        if pod.folder:
            shutil.rmtree(pod.folder, ignore_errors=True)

    def delete_pod(self, pod, reason=None):
        if pod.process is None or pod.process.poll() is not None:
            self.remove_pod(pod)
            return
        pod.deleting = True
        pod.object['metadata']['deletionTimestamp'] = time.strftime('%FT%TZ')
        self.changed(pod, 'MODIFIED')
        os.killpg(pod.process.pid, signal.SIGTERM)

        def later():
            time.sleep(5)
            if pod.process.poll() is None:
                os.killpg(pod.process.pid, signal.SIGKILL)
        threading.Thread(target=later, daemon=True).start()

    def delete(self, kind, name):
        o = self.objects[kind].pop(name)
        if kind == 'jobs':
            for p in [p for p in self.pods.values() if p.job is o]:
                self.delete_pod(p)
            self.collect(o['metadata']['uid'])

    def collect(self, uid):
        """What this one was the last owner of goes, too."""
        alive = {o['metadata']['uid'] for objects in self.objects.values() for o in objects.values()}
        for kind, objects in self.objects.items():
            for name in list(objects):
                owners = objects[name]['metadata'].get('ownerReferences', [])
                if owners and not any(w['uid'] in alive for w in owners):
                    del objects[name]

    def tick(self):
        while True:
            time.sleep(0.05)
            with lock:
                for job in list(self.objects['jobs'].values()):
                    if not any(p.job is job for p in self.pods.values()) and 'done_at' not in job:
                        pod = Pod(job, None)
                        if self.over_quota(job, pod):
                            continue
                        self.pods[pod.name] = pod
                        self.changed(pod, 'ADDED')
                    ttl = job['spec'].get('ttlSecondsAfterFinished')
                    if 'done_at' in job and ttl is not None and time.time() - job['done_at'] > min(ttl, 3):
                        self.delete('jobs', job['metadata']['name'])
                self.place()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args):
        pass

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, code, reason, message):
        cluster.refused.append('%d %s' % (code, message))
        self.answer(code, {'kind': 'Status', 'apiVersion': 'v1', 'status': 'Failure', 'message': message,
                           'reason': reason, 'code': code})

    def serve(self):
        url = urllib.parse.urlparse(self.path)
        words = dict(urllib.parse.parse_qsl(url.query))
        length = int(self.headers.get('Content-Length') or 0)
        body = self.rfile.read(length) if length else b''
        if url.path == '/control':
            with lock:
                return self.answer(200, self.control(words))
        cluster.requests.append(self.command + ' ' + url.path)
        if cluster.down:
            return self.refuse(503, 'ServiceUnavailable', 'the server is currently unable to handle the request')
        if cluster.token and self.headers.get('Authorization') != 'Bearer ' + cluster.token:
            return self.refuse(401, 'Unauthorized', 'Unauthorized')
        m = re.match(r'^(/api/v1|/apis/batch/v1)/namespaces/([^/]+)/([^/]+)(?:/([^/]+))?$', url.path)
        if not m:
            return self.refuse(404, 'NotFound', 'the server could not find the requested resource')
        api, space, kind, name = m.groups()
        if space == 'forbidden':
            return self.refuse(403, 'Forbidden', '%s is forbidden: User "muster" cannot %s resource "%s" in the '
                               'namespace "forbidden"' % (kind, self.command.lower(), kind))
        if space != 'builds':
            return self.refuse(404, 'NotFound', 'namespaces "%s" not found' % space)
        if kind == 'events' and self.command == 'GET' and not name:
            if cluster.options.no_events:
                return self.refuse(403, 'Forbidden', 'events is forbidden: User "muster" cannot list resource "events"')
            if words.get('fieldSelector') != 'involvedObject.kind=Job,reason=FailedCreate':
                return self.refuse(400, 'BadRequest', 'field label not supported')
            with lock:
                return self.answer(200, {'kind': 'EventList', 'items': list(cluster.events.values())})
        if kind == 'pods' and self.command == 'GET' and not name:
            return self.pods(words)
        if kind not in KINDS or api != ('/apis/batch/v1' if kind == 'jobs' else '/api/v1'):
            return self.refuse(404, 'NotFound', 'the server could not find the requested resource')
        with lock:
            if self.command == 'POST' and not name:
                return self.create(kind, body)
            if name and name not in cluster.objects[kind]:
                return self.refuse(404, 'NotFound', '%s "%s" not found' % (kind, name))
            if self.command == 'DELETE':
                cluster.delete(kind, name)
                return self.answer(200, {'kind': 'Status', 'status': 'Success'})
            if self.command == 'PATCH':
                return self.patch(cluster.objects[kind][name], body)
        self.refuse(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource')

    do_GET = do_POST = do_DELETE = do_PATCH = serve

    def create(self, kind, body):
        title, version, fields = KINDS[kind]
        try:
            o = json.loads(body)
        except ValueError as e:
            return self.refuse(400, 'BadRequest', str(e))
        errors = []
        check(o, fields, title, errors)
        if not errors:
            if (o['apiVersion'], o['kind']) != (version, title):
                errors.append('the API version in the data does not match the expected API version')
            if not NAME.match(o['metadata'].get('name', '')) or len(o['metadata']['name']) > 63:
                errors.append('metadata.name: Invalid value')
            if not all(LABEL.match(v) and len(v) <= 63 for v in o['metadata'].get('labels', {}).values()):
                errors.append('metadata.labels: Invalid value')
            if kind == 'jobs':
                restricted(o['spec']['template']['spec'], errors)
            elif len(body) > 1 << 20:
                errors.append('Too long: must have at most 1048576 bytes')
        if errors:
            return self.refuse(422, 'Invalid', '%s is invalid: %s' % (title, '; '.join(errors)))
        name = o['metadata']['name']
        if name in cluster.objects[kind]:
            return self.refuse(409, 'AlreadyExists', '%s "%s" already exists' % (kind, name))
        if kind == 'jobs' and cluster.options.quota is not None and \
                len(cluster.objects['jobs']) >= cluster.options.quota:
            return self.refuse(403, 'Forbidden', 'jobs.batch "%s" is forbidden: exceeded quota: builds, requested: '
                               'count/jobs.batch=1, used: count/jobs.batch=%d, limited: count/jobs.batch=%d' % (
                                   name, cluster.options.quota, cluster.options.quota))
        o['metadata']['uid'] = str(uuid.uuid4())
        if kind == 'secrets':
            o.setdefault('data', {}).update({k: base64.b64encode(v.encode()).decode()
                                             for k, v in o.pop('stringData', {}).items()})
        cluster.objects[kind][name] = o
        self.answer(201, {k: v for k, v in o.items() if k != 'data'})

    def patch(self, o, body):
        if self.headers['Content-Type'] != 'application/merge-patch+json':
            return self.refuse(415, 'UnsupportedMediaType', 'the body of the request was in an unknown format')
        owners = json.loads(body)['metadata']['ownerReferences']
        errors = []
        check(owners, [OWNER], 'ownerReferences', errors)
        if errors:
            return self.refuse(422, 'Invalid', '; '.join(errors))
        o['metadata']['ownerReferences'] = owners
        self.answer(200, {'kind': 'Status'})

    # -- pods -----------------------------------------------------------------------------

    def selected(self, words, o):
        wanted = dict(w.split('=') for w in words.get('labelSelector', '').split(',') if w)
        return all(o['metadata']['labels'].get(k) == v for k, v in wanted.items())

    def pods(self, words):
        if words.get('watch') == '1':
            return self.watch(words)
        with lock:
            items = [p.object for p in cluster.pods.values() if self.selected(words, p.object)]
            self.answer(200, {'kind': 'PodList', 'metadata': {'resourceVersion': str(cluster.version)},
                              'items': items})

    def watch(self, words):
        since = int(words['resourceVersion'])
        events = queue.Queue()
        with lock:
            for version, event in cluster.history:
                if version > since:
                    events.put(event)
            cluster.watches.append(events)
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Transfer-Encoding', 'chunked')
        self.end_headers()
        end = time.time() + min(int(words.get('timeoutSeconds', 300)), 5)
        left = b''
        try:
            while True:
                try:
                    event = events.get(timeout=0.02 if left else max(0.01, end - time.time()))
                except queue.Empty:
                    if left:
                        self.chunk(left)
                        left = b''
                    if time.time() >= end:
                        self.chunk(json.dumps({'type': 'BOOKMARK', 'object': {'kind': 'Pod', 'metadata': {
                            'resourceVersion': str(cluster.version)}}}).encode() + b'\n')
                        break
                    continue
                if event is None:
                    break
                if 'status' in event['object'] and 'labels' in event['object'].get('metadata', {}) \
                        and not self.selected(words, event['object']):
                    continue
                left += json.dumps(event).encode() + b'\n'
                while len(left) > 1 and random.random() < 0.7:
                    cut = random.randint(1, min(len(left), 500))
                    self.chunk(left[:cut])
                    left = left[cut:]
            if left:
                self.chunk(left)
            self.wfile.write(b'0\r\n\r\n')
        except OSError:
            self.close_connection = True
        with lock:
            cluster.watches.remove(events)

    def chunk(self, data):
        self.wfile.write(b'%x\r\n%s\r\n' % (len(data), data))
        self.wfile.flush()

    # -- for tests ------------------------------------------------------------------------

    def control(self, words):
        do = words['do']
        if do == 'state':
            return {'objects': {k: sorted(v) for k, v in cluster.objects.items()}, 'refused': cluster.refused,
                    'owners': [len(o['metadata'].get('ownerReferences', [])) for k in ('secrets', 'configmaps')
                               for o in cluster.objects[k].values()],
                    'pods': [{'name': p.name, 'phase': p.object['status']['phase'],
                              'alive': bool(p.process) and p.process.poll() is None}
                             for p in cluster.pods.values()],
                    'requests': cluster.requests}
        if do == 'token':
            cluster.token = words['value']
        elif do == 'expire':
            cluster.history.clear()
            for w in cluster.watches:
                w.put({'type': 'ERROR', 'object': {'kind': 'Status', 'code': 410, 'reason': 'Expired',
                                                   'message': 'too old resource version'}})
                w.put(None)
        elif do == 'drop':
            for w in cluster.watches:
                w.put(None)
        elif do == 'evict':
            running = [p for p in cluster.pods.values() if p.process and p.process.poll() is None]
            if running:
                cluster.delete_pod(running[0])
        elif do == 'delete':
            for name in list(cluster.objects['jobs']):
                cluster.delete('jobs', name)
        elif do in ('broken', 'down'):
            setattr(cluster, do, words['value'] == '1')
        return {}


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


parser = argparse.ArgumentParser()
parser.add_argument('--port-file', required=True)
parser.add_argument('--nodes', type=int, default=4)
parser.add_argument('--cpus', type=float, default=4)
parser.add_argument('--token')
parser.add_argument('--quota', type=int)
parser.add_argument('--pod-quota', type=float)
parser.add_argument('--no-events', action='store_true')
for option in ('--cert', '--key', '--client-ca'):
    parser.add_argument(option)
cluster = Cluster(parser.parse_args())


def stop(*_):
    for p in cluster.pods.values():
        if p.process and p.process.poll() is None:
            os.killpg(p.process.pid, signal.SIGKILL)
    shutil.rmtree(cluster.root, ignore_errors=True)
    os._exit(0)


signal.signal(signal.SIGTERM, stop)
server = Server(('127.0.0.1', 0), Handler)
if cluster.options.cert:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cluster.options.cert, cluster.options.key)
    if cluster.options.client_ca:
        context.load_verify_locations(cluster.options.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=cluster.tick, daemon=True).start()
with open(cluster.options.port_file + '.new', 'w') as f:
    f.write('127.0.0.1:%d' % server.server_port)
os.rename(cluster.options.port_file + '.new', cluster.options.port_file)
server.serve_forever()
