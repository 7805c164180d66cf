"""A receiver of notifications for the quickstart: prints what arrives on http://127.0.0.1:9099."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for alert in body["alerts"]:
            summary = alert["annotations"].get("summary", "")
            print(f"{alert['status']:<9} {alert['labels']['alertname']:<18} {summary}", flush=True)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        """What arrives is printed; the requests themselves are not."""


if __name__ == "__main__":
    print("waiting for notifications on http://127.0.0.1:9099", flush=True)
    HTTPServer(("127.0.0.1", 9099), Receiver).serve_forever()
