"""An ordinary Flask application: nothing in it knows where it runs."""

from flask import Flask, jsonify, redirect, render_template_string, request, session, url_for

app = Flask(__name__)
app.secret_key = "for the demonstration alone"

ITEMS = {"apple": 30, "pear": 45}


@app.get("/")
def index():
    return render_template_string("<h1>Shop</h1>{% for item in items %}<p>{{ item }}</p>{% endfor %}", items=ITEMS)


@app.get("/items/<name>")
def item(name):
    if name not in ITEMS:
        return jsonify(error=f"there is no {name}"), 404
    return jsonify(name=name, price=ITEMS[name], url=url_for("item", name=name))


@app.post("/orders")
def order():
    wanted = request.get_json()
    app.logger.info("ordered %s", wanted)
    return jsonify(total=sum(ITEMS[name] * count for name, count in wanted.items())), 201


@app.route("/basket", methods=["GET", "POST"])
def basket():
    if request.method == "POST":
        session["basket"] = [*session.get("basket", []), request.form["item"]]
        return redirect(url_for("basket"))
    return jsonify(session.get("basket", []))


@app.get("/broken")
def broken():
    raise RuntimeError("this page is broken")
