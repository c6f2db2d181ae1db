"""What an account's store holds, read by the sqlcipher program."""
import os
import subprocess


class Store:
    """Of an account with a key file. The agent may run: this only reads."""

    def __init__(self, account):
        self.path = os.path.join(account.data, "account.db")
        with open(os.path.join(account.data, "key")) as f:
            self.key = f.read().strip()

    def rows(self, columns, rest):
        """SELECT columns rest, as lists of bytes (texts and numbers too)."""
        # As client/agent/db.c; SQLCipher 3 ignores cipher_compatibility.
        hexed = " || '|' || ".join(f"hex({c})" for c in columns)
        script = (f"PRAGMA key = \"x'{self.key}'\";\n"
                  "PRAGMA cipher_compatibility = 3;\n"
                  "PRAGMA cipher_page_size = 4096;\n"
                  f"SELECT '=' || {hexed} {rest};\n")
        done = subprocess.run(["sqlcipher", "-batch", "-bail", self.path],
                              input=script, capture_output=True, text=True)
        if done.returncode or "rror" in done.stderr:
            raise AssertionError(f"sqlcipher: {done.stderr}")
        return [[bytes.fromhex(x) for x in line[1:].split("|")]
                for line in done.stdout.splitlines() if line[:1] == "="]

    def value(self, name):
        """One of the small named values (db_get); None."""
        found = self.rows(["value"], f"FROM value WHERE name = '{name}'")
        return found[0][0] if found else None
