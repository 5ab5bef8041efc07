#!/usr/bin/env python3
"""A master of Mesos with agents, as a scheduler sees them: the v1 scheduler HTTP API after its documents, and after what its code
does where these differ. Tasks really run, each in a sandbox of its own, after their URIs were fetched.

    mesos_master.py --port-file F [--agents 4] [--cpus 4] [--mem 4096] [--heartbeat 1] [--secret principal:secret]
                    [--redirect HOST:PORT] [--state DIR]

Answers in the order of the master's own checks. Records of the stream are cut at odd places on purpose, two may share a chunk.

GET /control?do=… for tests:
    state               JSON: frameworks, tasks, offers, calls seen
    rescind             takes all outstanding offers back
    lose&agent=I        the agent is gone: its tasks are UNREACHABLE and die
    silent / speak      no heartbeats and no events any more / again
    drop                ends all streams
    failover            ends all streams and forgets stream ids, as a new leader would
    remove              removes the framework, as an operator would
    recovering=1|0      503 until it is over
"""
import argparse, base64, http.server, json, os, queue, random, shutil, signal, socketserver
import subprocess, sys, tempfile, threading, time, urllib.parse, urllib.request, uuid

lock = threading.RLock()
random.seed(7)


class Agent:
    def __init__(self, number, cpus, mem):
        self.id = 'S%d' % number
        self.free = {'cpus': cpus, 'mem': mem}
        self.alive = True


class Framework:
    def __init__(self, info):
        self.id = 'F-' + uuid.uuid4().hex[:12]
        self.info = info
        self.stream_id = None
        self.events = None          # queue of the open stream
        self.suppressed = False
        self.offers = {}            # id -> (agent, resources)
        self.filters = {}           # agent id -> no offer before
        self.gone_at = None         # when its stream ended
        self.removed = False


class Task:
    def __init__(self, framework, agent, info, resources):
        self.framework, self.agent, self.info = framework, agent, info
        self.id = info['task_id']['value']
        self.resources = resources
        self.state = 'TASK_STAGING'
        self.process = None
        self.pending = []           # updates not yet acknowledged, the first is out
        self.sent = 0
        self.killed = False


class Master:
    def __init__(self, options):
        self.options = options
        self.agents = [Agent(i, options.cpus, options.mem) for i in range(options.agents)]
        self.frameworks, self.tasks, self.calls = {}, {}, []
        self.task_ids = set()
        self.next_offer = 0
        self.silent = False
        self.recovering = False
        self.root = options.state or tempfile.mkdtemp(prefix='mesos.')

    def event(self, framework, body):
        if framework.events and not self.silent:
            framework.events.put(body)

    # -- offers ---------------------------------------------------------------------------

    def make_offers(self):
        for framework in self.frameworks.values():
            if framework.suppressed or not framework.events or framework.removed:
                continue
            offers = []
            for agent in self.agents:
                out = any(a is agent for f in self.frameworks.values() for a, _ in f.offers.values())
                if (not agent.alive or out or agent.free['cpus'] < 0.1 or agent.free['mem'] < 32
                        or framework.filters.get(agent.id, 0) > time.time()):
                    continue
                self.next_offer += 1
                name = 'O%d' % self.next_offer
                role = framework.info.get('roles', ['*'])[0]
                # CPUs in two resources, as with reservations.
                half = agent.free['cpus'] / 2
                resources = [
                    {'name': 'cpus', 'type': 'SCALAR', 'scalar': {'value': half}, 'role': '*',
                     'allocation_info': {'role': role}},
                    {'name': 'ports', 'type': 'RANGES', 'ranges': {'range': [{'begin': 31000, 'end': 32000}]},
                     'role': '*', 'allocation_info': {'role': role}},
                    {'name': 'mem', 'type': 'SCALAR', 'scalar': {'value': agent.free['mem']}, 'role': '*',
                     'allocation_info': {'role': role}},
                    {'name': 'cpus', 'type': 'SCALAR', 'scalar': {'value': agent.free['cpus'] - half},
                     'role': '*', 'reservations': [{'type': 'STATIC', 'role': role}],
                     'allocation_info': {'role': role}}]
                framework.offers[name] = (agent, resources)
                offers.append({'id': {'value': name}, 'framework_id': {'value': framework.id},
                               'agent_id': {'value': agent.id}, 'hostname': 'agent-' + agent.id,
                               'allocation_info': {'role': role}, 'resources': resources, 'attributes': []})
            if offers:
                self.event(framework, {'type': 'OFFERS', 'offers': {'offers': offers}})

    def rescind(self):
        for framework in self.frameworks.values():
            for name in list(framework.offers):
                del framework.offers[name]
                self.event(framework, {'type': 'RESCIND', 'rescind': {'offer_id': {'value': name}}})

    # -- tasks ----------------------------------------------------------------------------

    def status(self, task, state, message='', with_uuid=True, reason=None, source='SOURCE_EXECUTOR'):
        s = {'task_id': {'value': task.id}, 'state': state, 'agent_id': {'value': task.agent.id},
             'source': source, 'timestamp': time.time(), 'executor_id': {'value': task.id}}
        if message:
            s['message'] = message
        if reason:
            s['reason'] = reason
        if with_uuid:
            s['uuid'] = base64.b64encode(uuid.uuid4().bytes).decode()
        return s

    def update(self, task, state, message=''):
        task.state = state
        task.pending.append(self.status(task, state, message))
        if len(task.pending) == 1:
            self.send_update(task)

    def send_update(self, task):
        task.sent = time.time()
        self.event(task.framework, {'type': 'UPDATE', 'update': {'status': task.pending[0]}})

    def update_without_uuid(self, task, state, message, reason):
        task.state = state
        self.event(task.framework, {'type': 'UPDATE', 'update': {'status': self.status(
            task, state, message, False, reason, 'SOURCE_MASTER')}})

    def give_back(self, task):
        if task.resources:
            for name, amount in task.resources.items():
                task.agent.free[name] += amount
            task.resources = None

    def run(self, task):
        command = task.info['command']
        sandbox = os.path.join(self.root, task.id)
        os.makedirs(sandbox)
        try:
            for uri in command.get('uris', []):
                name = uri.get('output_file') or uri['value'].rsplit('/', 1)[1]
                if uri.get('cache'):
                    head = urllib.request.Request(uri['value'], method='HEAD')
                    if int(urllib.request.urlopen(head, timeout=10).headers['Content-Length']) <= 0:
                        raise OSError('no Content-Length')
                data = urllib.request.urlopen(uri['value'], timeout=10).read()
                with open(os.path.join(sandbox, name), 'wb') as f:
                    f.write(data)
                if uri.get('executable'):
                    os.chmod(os.path.join(sandbox, name), 0o755)
        except OSError as e:
            with lock:
                self.give_back(task)
                self.update(task, 'TASK_FAILED', 'Failed to fetch all URIs: %s' % e)
            return
        env = dict(os.environ, MESOS_SANDBOX=sandbox, MESOS_DIRECTORY=sandbox)
        for v in command.get('environment', {}).get('variables', []):
            env[v['name']] = v['value']
        argv = (['/bin/sh', '-c', command['value']] if command.get('shell', True)
                else [command['value']] + command.get('arguments', [])[1:])
        with lock:
            if task.killed:
                self.give_back(task)
                self.update(task, 'TASK_KILLED')
                return
            self.update(task, 'TASK_STARTING')
            with open(os.path.join(sandbox, 'stderr'), 'wb') as err:
                task.process = subprocess.Popen(argv, cwd=sandbox, env=env, stdin=subprocess.DEVNULL,
                                                stdout=err, stderr=err, start_new_session=True)
            self.update(task, 'TASK_RUNNING')
        code = task.process.wait()
        with lock:
            self.give_back(task)
            if task.state == 'TASK_UNREACHABLE':
                return
            self.update(task, 'TASK_KILLED' if task.killed else 'TASK_FINISHED' if code == 0 else 'TASK_FAILED',
                        '' if code == 0 or task.killed else 'Command exited with status %d' % code)

    def kill(self, task):
        task.killed = True
        if task.process and task.process.poll() is None:
            os.killpg(task.process.pid, signal.SIGTERM)

            def later():
                time.sleep(5)
                if task.process.poll() is None:
                    os.killpg(task.process.pid, signal.SIGKILL)
            threading.Thread(target=later, daemon=True).start()

    def remove(self, framework):
        framework.removed = True
        framework.offers.clear()
        for task in self.tasks.values():
            if task.framework is framework:
                self.kill(task)

    def lose_agent(self, number):
        agent = self.agents[number]
        agent.alive = False
        for framework in self.frameworks.values():
            for name in [n for n, (a, _) in framework.offers.items() if a is agent]:
                del framework.offers[name]
                self.event(framework, {'type': 'RESCIND', 'rescind': {'offer_id': {'value': name}}})
            self.event(framework, {'type': 'FAILURE', 'failure': {'agent_id': {'value': agent.id}}})
        for task in self.tasks.values():
            if task.agent is agent and task.process and task.process.poll() is None:
                os.killpg(task.process.pid, signal.SIGKILL)
                self.update_without_uuid(task, 'TASK_UNREACHABLE', 'agent lost', 'REASON_SLAVE_REMOVED')

    # -- calls ----------------------------------------------------------------------------

    def accept(self, framework, call):
        ids = [o['value'] for o in call['offer_ids']]
        known = [framework.offers.get(i) for i in ids]
        agents = {a for a, _ in known if a} if all(known) else set()
        for i in ids:
            framework.offers.pop(i, None)
        seconds = call.get('filters', {}).get('refuse_seconds', 5.0)
        for agent in agents:
            framework.filters[agent.id] = time.time() + min(seconds, 0.3 if seconds <= 5 else seconds)
        for operation in call.get('operations', []):
            for info in operation['launch']['task_infos']:
                name = info['task_id']['value']
                task = Task(framework, next(iter(agents)) if len(agents) == 1 else Agent(99, 0, 0), info, None)
                if not all(known) or len(agents) != 1:
                    self.update_without_uuid(task, 'TASK_DROPPED', 'Task launched with invalid offers: Offer %s is '
                                             'no longer valid' % ids[0], 'REASON_INVALID_OFFERS')
                    continue
                problem = self.task_problem(info, known, name)
                if problem:
                    self.update_without_uuid(task, 'TASK_ERROR', problem, 'REASON_TASK_INVALID')
                    continue
                self.task_ids.add(name)
                self.tasks[name] = task
                task.resources = {}
                for r in info['resources']:
                    amount = r['scalar']['value']
                    task.resources[r['name']] = task.resources.get(r['name'], 0) + amount
                for n, amount in task.resources.items():
                    task.agent.free[n] -= amount
                threading.Thread(target=self.run, args=(task,), daemon=True).start()

    def task_problem(self, info, known, name):
        """None, or why the master refuses it."""
        if name in self.task_ids:
            return 'Task has duplicate ID: ' + name
        if not name or len(name) > 255 or '/' in name or '\\' in name:
            return 'Task ID is not valid'
        if not info.get('resources'):
            return 'Task uses no resources'
        offered = [r for _, resources in known for r in resources]
        for r in info['resources']:
            same = [o for o in offered if {k: v for k, v in o.items() if k != 'scalar'}
                    == {k: v for k, v in r.items() if k != 'scalar'}]
            if not same or r['scalar']['value'] > same[0]['scalar']['value'] + 1e-6:
                return 'Task uses more resources %s than available' % json.dumps(r)
        return None

    def acknowledge(self, framework, call):
        task = self.tasks.get(call['task_id']['value'])
        if task and task.pending and task.pending[0].get('uuid') == call['uuid']:
            task.pending.pop(0)
            if task.pending:
                self.send_update(task)

    def reconcile(self, framework, call):
        for task in self.tasks.values():
            if task.framework is framework and not task.state.endswith(('FINISHED', 'FAILED', 'KILLED', 'ERROR')):
                self.event(framework, {'type': 'UPDATE', 'update': {'status': self.status(
                    task, task.state, '', False, 'REASON_RECONCILIATION', 'SOURCE_MASTER')}})

    def tick(self):
        beat = 0
        while True:
            time.sleep(0.1)
            with lock:
                self.make_offers()
                for task in self.tasks.values():
                    if task.pending and time.time() - task.sent > 2:
                        self.send_update(task)
                for framework in self.frameworks.values():
                    limit = framework.info.get('failover_timeout', 0.0)
                    if framework.gone_at and not framework.removed and time.time() - framework.gone_at > limit:
                        self.remove(framework)
                if time.time() - beat >= self.options.heartbeat:
                    beat = time.time()
                    for framework in self.frameworks.values():
                        self.event(framework, {'type': 'HEARTBEAT'})


class Refusal(Exception):
    def __init__(self, status, text, headers=()):
        super().__init__(text)
        self.status, self.text, self.headers = status, text, headers


BODIES = {'ACCEPT': 'accept', 'DECLINE': 'decline', 'KILL': 'kill', 'ACKNOWLEDGE': 'acknowledge',
          'RECONCILE': 'reconcile', 'SUBSCRIBE': 'subscribe', 'REVIVE': None, 'SUPPRESS': None, 'TEARDOWN': None}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args):
        pass

    def answer(self, status, text='', headers=()):
        data = text.encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        if url.path != '/control':
            return self.answer(405)
        words = dict(urllib.parse.parse_qsl(url.query))
        with lock:
            return self.answer(200, self.control(words) or 'ok\n')

    def control(self, words):
        do = words['do']
        if do == 'state':
            return json.dumps({
                'frameworks': [{'id': f.id, 'name': f.info['name'], 'connected': bool(f.events), 'removed': f.removed,
                                'suppressed': f.suppressed, 'offers': len(f.offers)}
                               for f in master.frameworks.values()],
                'tasks': [{'id': t.id, 'state': t.state, 'agent': t.agent.id, 'unacknowledged': len(t.pending),
                           'alive': bool(t.process) and t.process.poll() is None} for t in master.tasks.values()],
                'calls': master.calls}) + '\n'
        if do == 'rescind':
            master.rescind()
        elif do == 'lose':
            master.lose_agent(int(words['agent']))
        elif do in ('silent', 'speak'):
            master.silent = do == 'silent'
        elif do in ('drop', 'failover'):
            for f in master.frameworks.values():
                if f.events:
                    f.events.put(None)
        elif do == 'remove':
            for f in master.frameworks.values():
                master.event(f, {'type': 'ERROR', 'error': {'message': 'Framework has been removed'}})
                master.remove(f)
                if f.events:
                    f.events.put(None)
        elif do == 'recovering':
            master.recovering = words['value'] == '1'
        return None

    def do_POST(self):
        length = int(self.headers.get('Content-Length', 0))
        body = self.rfile.read(length)
        try:
            call = self.checked(body)
        except Refusal as r:
            return self.answer(r.status, r.text, r.headers)
        if call['type'] == 'SUBSCRIBE':
            return self.subscribe(call)
        with lock:
            try:
                framework = self.framework_of(call)
            except Refusal as r:
                return self.answer(r.status, r.text)
            master.calls.append(call['type'])
            self.carry_out(framework, call)
        return self.answer(202)

    def checked(self, body):
        if self.path != '/api/v1/scheduler':
            raise Refusal(404, '')
        secret = master.options.secret
        if secret and self.headers.get('Authorization') != 'Basic ' + base64.b64encode(secret.encode()).decode():
            raise Refusal(401, '', [('WWW-Authenticate', 'Basic realm="mesos-master-scheduler"')])
        if master.options.redirect:
            raise Refusal(307, '', [('Location', '//%s/api/v1/scheduler' % master.options.redirect)])
        if master.recovering:
            raise Refusal(503, 'Master has not finished recovery')
        if 'Content-Type' not in self.headers:
            raise Refusal(400, "Expecting 'Content-Type' to be present")
        if self.headers['Content-Type'] != 'application/json':
            raise Refusal(415, '')
        try:
            call = json.loads(body)
        except ValueError as e:
            raise Refusal(400, 'Failed to parse body into JSON: %s' % e)
        bad = 'Failed to validate scheduler::Call: '
        if 'type' not in call:
            raise Refusal(400, bad + "Expecting 'type' to be present")
        if call['type'] not in BODIES:
            raise Refusal(400, 'Failed to convert JSON into Call protobuf: unknown type')
        if call['type'] != 'SUBSCRIBE' and 'framework_id' not in call:
            raise Refusal(400, bad + "Expecting 'framework_id' to be present")
        need = BODIES[call['type']]
        if need and need not in call:
            raise Refusal(400, bad + "Expecting '%s' to be present" % need)
        if need == 'acknowledge' and len(base64.b64decode(call[need]['uuid'])) != 16:
            raise Refusal(400, bad + 'Not a valid UUID')
        if need == 'subscribe':
            info = call[need]['framework_info']
            if call.get('framework_id') != info.get('id'):
                raise Refusal(400, bad + "'framework_id' differs from 'subscribe.framework_info.id'")
            multi = {'type': 'MULTI_ROLE'} in info.get('capabilities', [])
            if multi != ('roles' in info):
                raise Refusal(400, bad + 'role and roles do not fit the capabilities')
            if self.headers.get('Accept') != 'application/json':
                raise Refusal(406, '')
            if 'Mesos-Stream-Id' in self.headers:
                raise Refusal(400, "Subscribe calls should not include the 'Mesos-Stream-Id' header")
        return call

    def framework_of(self, call):
        framework = master.frameworks.get(call['framework_id']['value'])
        if not framework or framework.removed:
            raise Refusal(400, 'Framework cannot be found')
        if not framework.events:
            raise Refusal(403, 'Framework is not subscribed')
        stream = self.headers.get('Mesos-Stream-Id')
        if not stream:
            raise Refusal(400, "All non-subscribe calls should include the 'Mesos-Stream-Id' header")
        if stream != framework.stream_id:
            raise Refusal(400, "The stream ID '%s' included in this request didn't match the stream ID currently "
                          'associated with framework ID %s' % (stream, framework.id))
        return framework

    def carry_out(self, framework, call):
        kind = call['type']
        body = call.get(BODIES[kind] or '', {})
        if kind == 'ACCEPT':
            master.accept(framework, body)
        elif kind == 'DECLINE':
            for o in body['offer_ids']:
                agent, _ = framework.offers.pop(o['value'], (None, None))
                if agent:
                    framework.filters[agent.id] = time.time() + body.get('filters', {}).get('refuse_seconds', 5.0)
        elif kind == 'KILL':
            task = master.tasks.get(body['task_id']['value'])
            if task:
                master.kill(task)
        elif kind == 'ACKNOWLEDGE':
            master.acknowledge(framework, body)
        elif kind == 'RECONCILE':
            master.reconcile(framework, body)
        elif kind in ('SUPPRESS', 'REVIVE'):
            framework.suppressed = kind == 'SUPPRESS'
            if kind == 'REVIVE':
                framework.filters.clear()
        elif kind == 'TEARDOWN':
            master.remove(framework)
            framework.events.put(None)

    def subscribe(self, call):
        with lock:
            info = call['subscribe']['framework_info']
            master.calls.append('SUBSCRIBE')
            error = None
            if 'id' in info:
                framework = master.frameworks.get(info['id']['value'])
                if not framework or framework.removed:
                    error = 'Framework has been removed'
                elif framework.events:
                    framework.events.put(None)
            else:
                framework = Framework(info)
                master.frameworks[framework.id] = framework
            events = queue.Queue()
            stream = str(uuid.uuid4())
            if error:
                events.put({'type': 'ERROR', 'error': {'message': error}})
                events.put(None)
            else:
                framework.events, framework.stream_id, framework.gone_at = events, stream, None
                framework.suppressed = False
                framework.offers.clear()
                events.put({'type': 'SUBSCRIBED', 'subscribed': {
                    'framework_id': {'value': framework.id}, 'heartbeat_interval_seconds': master.options.heartbeat}})
                for task in master.tasks.values():
                    if task.framework is framework and task.pending:
                        task.sent = 0
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Transfer-Encoding', 'chunked')
        self.send_header('Mesos-Stream-Id', stream)
        self.end_headers()
        try:
            self.stream(events)
        except OSError:
            pass
        with lock:
            if not error and framework.events is events:
                framework.events = None
                framework.gone_at = time.time()
                framework.offers.clear()
        self.close_connection = True

    def stream(self, events):
        """Records, cut into chunks without regard to where they begin."""
        left = b''
        while True:
            try:
                body = events.get(timeout=0.02 if left else None)
            except queue.Empty:
                self.chunk(left)
                left = b''
                continue
            if body is None:
                if left:
                    self.chunk(left)
                self.wfile.write(b'0\r\n\r\n')
                return
            text = json.dumps(body).encode()
            left += b'%d\n%s' % (len(text), text)
            while len(left) > 1 and random.random() < 0.7:
                cut = random.randint(1, min(len(left), 400))
                self.chunk(left[:cut])
                left = left[cut:]

    def chunk(self, data):
        self.wfile.write(b'%x\r\n%s\r\n' % (len(data), data))
        self.wfile.flush()


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


parser = argparse.ArgumentParser()
parser.add_argument('--port-file', required=True)
parser.add_argument('--agents', type=int, default=4)
parser.add_argument('--cpus', type=float, default=4.1)
parser.add_argument('--mem', type=float, default=4096)
parser.add_argument('--heartbeat', type=float, default=1.0)
parser.add_argument('--secret')
parser.add_argument('--redirect')
parser.add_argument('--state')
master = Master(parser.parse_args())


def stop(*_):
    for task in master.tasks.values():
        if task.process and task.process.poll() is None:
            os.killpg(task.process.pid, signal.SIGKILL)
    if not master.options.state:
        shutil.rmtree(master.root, ignore_errors=True)
    os._exit(0)


signal.signal(signal.SIGTERM, stop)
server = Server(('127.0.0.1', 0), Handler)
threading.Thread(target=master.tick, daemon=True).start()
with open(master.options.port_file + '.new', 'w') as f:
    f.write('127.0.0.1:%d' % server.server_port)
os.rename(master.options.port_file + '.new', master.options.port_file)
server.serve_forever()
