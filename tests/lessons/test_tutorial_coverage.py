"""Every command that the tutorial prints for Steps 1 to 5, the template, the deep dive and the troubleshooting
is met in a lesson: as it is printed, or with its placeholders filled in and its errors put right.
"""

import re

import pytest

from svclab.lessons.catalogue import lessons

# The printed command, the lesson where a learner meets it, and (where it differs) the line that stands there.
PRINTED = (
    # quick reference commands
    (
        "kubectl get endpoints <service-name>",
        "clusterip",
        "kubectl get endpoints backend-service -n service-demo",
    ),
    (
        "kubectl describe svc <service-name>",
        "clusterip",
        "kubectl describe service backend-service -n service-demo",
    ),
    (
        "kubectl run debug --image=nicolaka/netshoot --rm -it -- curl <service-name>",
        "dns-names",
        "kubectl run debug --image=nicolaka/netshoot --rm -it -- curl backend-service",
    ),
    (
        "kubectl port-forward svc/<service-name> 8080:80",
        "port-forward",
        "kubectl port-forward svc/backend-service 8080:80 -n service-demo &",
    ),
    # Step 1
    ("kubectl apply -f demo-namespace.yaml", "deploy-the-demo", ""),
    ("kubectl get pods -n service-demo -o wide", "deploy-the-demo", ""),
    ("kubectl wait --for=condition=ready pod --all -n service-demo --timeout=60s", "deploy-the-demo", ""),
    # Step 2
    ("kubectl apply -f backend-service.yaml", "clusterip", ""),
    ("kubectl get service backend-service -n service-demo", "clusterip", ""),
    ("kubectl get endpoints backend-service -n service-demo", "clusterip", ""),
    ("kubectl describe service backend-service -n service-demo", "clusterip", ""),
    # Step 3
    ("kubectl run debug -n service-demo --image=nicolaka/netshoot --rm -it -- bash", "dns-names", ""),
    ("curl backend-service", "dns-names", ""),
    ("curl backend-service.service-demo", "dns-names", ""),
    ("nslookup backend-service", "dns-names", ""),
    ('for i in {1..5}; do curl -s backend-service | grep "Backend Pod"; done', "dns-names", ""),
    # Step 4
    ("kubectl apply -f frontend-nodeport.yaml", "traffic-policy-local", ""),
    ("kubectl get service frontend-nodeport -n service-demo", "traffic-policy-local", ""),
    ("kubectl get nodes -o wide", "traffic-policy-local", ""),
    (
        "NODE_IP=$(kubectl get nodes -o "
        """jsonpath='{.items[0].status.addresses[?(@.type=="ExternalIP")].address}')""",
        "traffic-policy-local",
        "",
    ),
    ("curl http://$NODE_IP:30001", "traffic-policy-local", "curl -m 5 http://$NODE_IP:30001"),
    # Step 5
    ("kubectl apply -f frontend-loadbalancer.yaml", "loadbalancer", ""),
    ("kubectl get service frontend-loadbalancer -n service-demo -w", "loadbalancer", ""),
    (
        "EXTERNAL_IP=$(kubectl get service frontend-loadbalancer -n service-demo -o "
        "jsonpath='{.status.loadBalancer.ingress[0].ip}')",
        "loadbalancer",
        "",
    ),
    ("curl http://$EXTERNAL_IP", "loadbalancer", ""),
    # deep dive
    (
        "sudo iptables -t nat -L KUBE-SERVICES | grep backend-service",
        "rule-by-rule",
        "sudo iptables -t nat -n -L KUBE-SERVICES | grep backend-service",
    ),
    ("kubectl get endpoints backend-service -n service-demo -o yaml", "rule-by-rule", ""),
    ("dig +trace backend-service.service-demo.svc.cluster.local", "rule-by-rule", ""),
    # quick troubleshooting
    ("kubectl get svc,endpoints backend-service -n service-demo", "connection-refused", ""),
    ("kubectl get pods -n service-demo --show-labels", "connection-refused", ""),
    ("kubectl describe service backend-service -n service-demo", "connection-refused", ""),
    ("kubectl get services --all-namespaces | grep backend", "service-not-found", ""),
    ("nslookup backend-service.service-demo.svc.cluster.local", "service-not-found", ""),
    ("kubectl get nodes -o wide", "nodeport-blocked", ""),
    ("kubectl get service frontend-nodeport -n service-demo", "nodeport-blocked", ""),
    (
        "kubectl run debug --image=nicolaka/netshoot --rm -it -- curl [NODE-INTERNAL-IP]:30001",
        "nodeport-blocked",
        "kubectl run debug --image=nicolaka/netshoot --rm -it -- curl -m 3 http://192.168.64.10:30001",
    ),
    # troubleshooting quick reference, advanced debugging
    ("dig +short [service-name]", "rule-by-rule", "dig +short backend-service"),
    ("kubectl logs -n kube-system -l k8s-app=kube-proxy --tail=20", "nodeport-blocked", ""),
    ("kubectl get pods -n kube-system -l k8s-app=kube-dns", "service-not-found", ""),
    (
        "kubectl get events --sort-by=.metadata.creationTimestamp -n [namespace]",
        "never-ready",
        "kubectl get events --sort-by=.metadata.creationTimestamp -n service-demo",
    ),
    # complete template
    ("kubectl apply -f complete-service-demo.yaml", "complete-template", ""),
    (
        "kubectl wait --for=condition=ready pod --all -n service-complete-demo --timeout=300s",
        "complete-template",
        "",
    ),
    ("kubectl get services -n service-complete-demo -o wide", "complete-template", ""),
    ("kubectl exec -it deployment/service-tester -n service-complete-demo -- bash", "complete-template", ""),
    ("curl database-service", "complete-template", ""),
    ("curl api-service", "complete-template", ""),
    ("curl frontend-service", "complete-template", ""),
    ("nslookup database-service.service-complete-demo.svc.cluster.local", "complete-template", ""),
    ("kubectl get nodes -o wide", "complete-template", ""),
    ("curl http://[NODE-EXTERNAL-IP]:30080", "complete-template", "curl http://203.0.113.11:30080"),
    ("kubectl get service frontend-service -n service-complete-demo", "complete-template", ""),
    (
        "curl http://[LOADBALANCER-EXTERNAL-IP]",
        "complete-template",
        "curl http://$(kubectl get service frontend-service -n service-complete-demo -o "
        "jsonpath='{.status.loadBalancer.ingress[0].ip}')",
    ),
    ("kubectl delete namespace service-complete-demo", "complete-template", ""),
)


@pytest.mark.parametrize(("printed", "lesson", "instead"), PRINTED, ids=[row[0][:60] for row in PRINTED])
def test_a_printed_command_stands_in_its_lesson(printed, lesson, instead):
    lines = [command.run for step in lessons()[lesson].steps for command in step.commands]
    wanted = re.compile(rf"(^|-- ){re.escape(instead or printed)}(; echo \$\w+)?$")
    assert any(wanted.search(line) for line in lines)


def test_every_manifest_of_the_tutorial_is_applied_in_a_lesson_as_it_is_printed():
    shown = {step.manifest.file for lesson in lessons().values() for step in lesson.steps if step.manifest}
    assert shown >= {
        "demo-namespace.yaml",
        "backend-service.yaml",
        "frontend-nodeport.yaml",
        "frontend-loadbalancer.yaml",
        "complete-service-demo.yaml",
    }
