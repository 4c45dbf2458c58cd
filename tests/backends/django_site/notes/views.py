import os
import time
from pathlib import Path

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from notes.models import Note

GREETING = "first version of the view"


def notes(request):
    if request.method == "POST":
        Note.objects.create(text=request.POST["text"])
        messages.success(request, f"saved {request.POST['text']}")
        wait_for(request.POST.get("release"))
        return redirect("/")
    context = {"notes": Note.objects.all(), "greeting": GREETING, "time": time.time_ns()}
    return render(request, "notes.html", context)


def slow(request):
    """A request of a script, which is answered once the file is written to."""
    wait_for(request.POST["release"])
    return HttpResponse("done")


def wait_for(file):
    """Creates a named pipe, and waits until the test has opened it to write."""
    if file:
        os.mkfifo(file)
        print(f"waiting for {file}", flush=True)
        Path(file).read_bytes()


urlpatterns = [path("", notes), path("slow", slow)]
