use super::masked;

#[test]
fn passwords_and_keys_are_hidden_and_the_rest_is_not() {
    for (name, value, shown) in [
        ("TOKEN_SECRET", "s3cret", "(hidden)"),
        ("aws_secret_access_key", "s3cret", "(hidden)"),
        ("TAKEUP_AWS_ACCESS_KEY_ID", "s3cret", "(hidden)"),
        ("POSTGRES_STRING", "postgres://pg:s3cret@db:5432/x?a=1", "postgres://pg:(hidden)@db:5432/x?a=1"),
        ("POSTGRES_STRING", "postgres://pg:s3/cret@db:5432/x", "postgres://pg:(hidden)@db:5432/x"),
        ("POSTGRES_STRING", "postgres://pg@db/x", "postgres://pg@db/x"),
        ("POSTGRES_STRING", "postgres://db/x?password=s3cret", "(hidden)"),
        ("POSTGRES_STRING", "host=db password=s3cret", "(hidden)"),
        ("REDIS_STRING", "redis:6379", "redis:6379"),
        ("REDIS_STRING", "redis://:s3cret@redis:6379/0", "redis://:(hidden)@redis:6379/0"),
        ("REDIS_STRING", ":s3cret@redis:6379", "(hidden)"),
        ("REDIS_STRING", "redis://:s3cret@a:1,redis://:s3cret@b:2", "(hidden)"),
        ("REDIS_STRING", "redis://:s3cret@a:1, redis://u:s3cret@b:2/0", "(hidden)"),
        ("REDIS_STRING", ":s3cret@a:1,redis://:s3cret@b:2", "(hidden)"),
        ("REDIS_STRING", "redis://a:1,redis://b:2", "redis://a:1,redis://b:2"),
        ("REDIS_STRING", "redis://a:1,redis://:s3cret@b:2", "redis://a:(hidden)@b:2"),
        ("forward_url", "https://u:s3cret@other/x", "https://u:(hidden)@other/x"),
        ("segments_url", "s3://k:s3cret@bucket/p", "s3://k:(hidden)@bucket/p"),
        ("kafka_servers", "sasl://u:s3cret@a:1,sasl://u:s3cret@b:2", "(hidden)"),
        ("public_url", "https://cdn.example:8080/@scope/x", "https://cdn.example:8080/@scope/x"),
        ("kerberos_principal", "takeup/host@REALM", "takeup/host@REALM"),
        ("USE_CORS", "true", "true"),
        ("TOKEN_SECRET", "", ""),
    ] {
        assert_eq!(masked(name, value), shown, "{name}={value}");
        assert!(!masked(name, value).contains("cret"), "{name}={value}");
    }
}
