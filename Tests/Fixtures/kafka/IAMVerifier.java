import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import javax.security.auth.callback.Callback;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.common.security.auth.AuthenticateCallbackHandler;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerToken;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallback;

/**
 * What MSK's brokers do with a token of IAM, in little: it is a presigned URL of kafka-cluster:Connect, whose signature is made again here from the one secret that is known, and whose time must not be over. Each
 * token is written down, one line: its access key, its date, and what was said of it. For tests alone.
 */
public class IAMVerifier implements AuthenticateCallbackHandler {
    private String id;
    private String secret;
    private Path log;

    @Override
    public void configure(Map<String, ?> configs, String mechanism, List<AppConfigurationEntry> entries) {
        Map<String, ?> options = entries.get(0).getOptions();
        id = (String) options.get("id");
        secret = (String) options.get("secret");
        log = Path.of((String) options.get("log"));
    }

    @Override
    public void handle(Callback[] callbacks) {
        for (Callback callback : callbacks) {
            if (!(callback instanceof OAuthBearerValidatorCallback validator)) continue;
            String said = "accepted";
            long end = 0;
            Map<String, String> query = new TreeMap<>();
            try {
                String url = new String(Base64.getUrlDecoder().decode(validator.tokenValue()), StandardCharsets.UTF_8);
                end = verify(url, query);
            } catch (Exception error) {
                said = "refused: " + error.getMessage();
            }
            write(query.get("X-Amz-Credential") + " " + query.get("X-Amz-Date") + " " + said + "\n");
            if (said.equals("accepted")) validator.token(token(validator.tokenValue(), end));
            else validator.error("invalid_token", null, null);
        }
    }

    private long verify(String url, Map<String, String> query) throws Exception {
        String prefix = "https://kafka.us-east-1.amazonaws.com/?";
        if (!url.startsWith(prefix)) throw new Exception("another URL");
        TreeMap<String, String> raw = new TreeMap<>();
        for (String pair : url.substring(prefix.length()).split("&")) {
            String[] parts = pair.split("=", 2);
            raw.put(parts[0], parts[1]);
            query.put(parts[0], URLDecoder.decode(parts[1], StandardCharsets.UTF_8));
        }
        if (!"kafka-cluster:Connect".equals(query.get("Action"))) throw new Exception("another action");
        if (!query.getOrDefault("User-Agent", "").startsWith("weir/")) throw new Exception("no user agent");
        String signature = raw.remove("X-Amz-Signature");
        raw.remove("User-Agent");
        StringBuilder canonical = new StringBuilder();
        raw.forEach((name, value) -> canonical.append(canonical.length() == 0 ? "" : "&").append(name).append("=").append(value));
        String request = "GET\n/\n" + canonical + "\nhost:kafka.us-east-1.amazonaws.com\n\nhost\n" + hex(sha256(""));
        String date = query.get("X-Amz-Date");
        String scope = date.substring(0, 8) + "/us-east-1/kafka-cluster/aws4_request";
        if (!query.get("X-Amz-Credential").equals(id + "/" + scope)) throw new Exception("another credential");
        byte[] key = ("AWS4" + secret).getBytes(StandardCharsets.UTF_8);
        for (String part : scope.split("/")) key = hmac(key, part);
        if (!hex(hmac(key, "AWS4-HMAC-SHA256\n" + date + "\n" + scope + "\n" + hex(sha256(request)))).equals(signature)) throw new Exception("another signature");
        Instant begin = Instant.from(DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC).parse(date));
        long end = begin.toEpochMilli() + 1000 * Long.parseLong(query.get("X-Amz-Expires"));
        if (end < System.currentTimeMillis()) throw new Exception("it is over");
        return end;
    }

    private synchronized void write(String line) {
        try {
            Files.writeString(log, line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (Exception error) {
            throw new RuntimeException(error);
        }
    }

    private static byte[] sha256(String text) throws Exception { return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)); }

    private static byte[] hmac(byte[] key, String text) throws Exception {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String hex(byte[] bytes) { return HexFormat.of().formatHex(bytes); }

    private static OAuthBearerToken token(String value, long end) {
        return new OAuthBearerToken() {
            public String value() { return value; }
            public Set<String> scope() { return Set.of(); }
            public long lifetimeMs() { return end; }
            public String principalName() { return "weir"; }
            public Long startTimeMs() { return null; }
        };
    }

    @Override
    public void close() {}
}
