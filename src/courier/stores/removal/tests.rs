use super::*;

#[test]
fn what_is_left_is_named_with_the_command_that_removes_it() {
    let left = LeftVersion { id: "v1".into(), reason: NOT_REMOVED };
    let advice = |url: &str, endpoint: Option<&str>| {
        let mut access = StoreAccess::to(url.parse().unwrap());
        access.endpoint = endpoint.map(str::to_owned);
        left.advice(&access, "x/1.seg")
    };
    let s3 = advice("s3://b/a", Some("http://127.0.0.1:9"));
    let command =
        "`aws s3api delete-object --bucket b --key a/x/1.seg --version-id v1 --endpoint-url http://127.0.0.1:9`";
    assert!(s3.starts_with("version v1: ") && s3.contains(command), "{s3}");
    let secret = advice("s3://b/a", Some("https://key:pass@store.example/s3"));
    assert!(secret.contains(" --endpoint-url https://store.example/s3`") && !secret.contains("pass"), "{secret}");
    assert!(advice("s3://b", None).contains("--key x/1.seg --version-id v1`"));
    assert!(advice("gs://b/a", None).contains("`gcloud storage rm --all-versions gs://b/a/x/1.seg`"));
    let azure = advice("abfss://c@acc.dfs.core.windows.net/a", None);
    let command = "`az storage blob delete --account-name acc --container-name c --name a/x/1.seg --version-id v1`";
    assert!(azure.contains(command), "{azure}");
}
