"""A browser without scripts: fills in the forms of the sign-in pages and stops where they lead away."""

from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests


class Forms(HTMLParser):
    """The forms of a page: where they go, their fields, their buttons."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "form":
            self.found.append({"action": given["action"], "method": given["method"], "fields": {}, "buttons": []})
        elif self.found and tag == "input" and given.get("type") != "submit":
            self.found[-1]["fields"][given["name"]] = given.get("value") or ""
        elif self.found and tag == "button" and given.get("name"):
            self.found[-1]["buttons"].append((given["name"], given["value"]))


class Browser:
    """Keeps cookies from page to page."""

    def __init__(self):
        self.session = requests.Session()
        self.page = None

    def open(self, url):
        """Opens an address, as far as this server's own pages go."""
        self.page = self.session.get(url, allow_redirects=False, timeout=60)
        return self

    def submit(self, button, **typed):
        """Fills in the one form of the page and presses a button, by its value."""
        (form,) = Forms(self.page.text).found
        assert form["method"] == "post" and set(typed) <= set(form["fields"]), form
        pressed = [entry for entry in form["buttons"] if entry[1] == button]
        assert pressed, f"no button {button}: {self.page.text}"
        fields = {**form["fields"], **typed, **dict(pressed)}
        url = urljoin(self.page.url, form["action"])
        headers = {"Origin": "{0.scheme}://{0.netloc}".format(urlsplit(url)), "Referer": self.page.url}
        self.page = self.session.post(url, data=fields, headers=headers, allow_redirects=False, timeout=60)
        return self

    def led_to(self, redirect_uri):
        """The parameters that the page carries to the application's address."""
        assert self.page.status_code in (302, 303), f"{self.page.status_code}: {self.page.text}"
        location = self.page.headers["Location"]
        assert location.startswith(f"{redirect_uri}?"), location
        return dict(parse_qsl(urlsplit(location).query))
