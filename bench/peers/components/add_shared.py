"""The component `add_shared.AppSession` of the multi-worker configuration: several of them share
one procedure and are called in turn."""

import operator

from calculation import component

AppSession = component("com.example.add2", operator.add, invoke="roundrobin")
