// A folder to HTTP by Apache Camel, as one would write it: a file consumer, and an HTTP producer. A file is moved to .camel once the
// answer is 2xx, and stays in the folder otherwise.
// Tuned: the consumer polls with one thread, which reads the folder and hands each file to a pool of as many threads as there may be
// requests at once (without it they would be sent one after the other); as many connections to the endpoint as that, where Camel has 20;
// no cache of streams, so that a file goes from the disk to the wire. The rest are Camel's defaults, and Java's.
// What it knowingly gives up: the account of what was sent is the folder alone. Files in progress stand in memory, so a file whose
// answer came when the process died is sent again, under no key.
import org.apache.camel.Exchange;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;

public class CamelFiles {
  public static void main(String[] args) throws Exception {
    String inbox = args[0];
    String url = args[1];
    int count = Integer.parseInt(args[2]);
    int atOnce = Integer.parseInt(args[3]);
    Main main = new Main();
    main.configure().setStreamCachingEnabled(false);
    // It ends by itself, as the others do.
    main.configure().setDurationMaxMessages(count);
    main.configure().addRoutesBuilder(new RouteBuilder() {
      @Override
      public void configure() {
        String pool = "connectionsPerRoute=" + atOnce + "&maxTotalConnections=" + atOnce;
        from("file:" + inbox)
          .threads(atOnce, atOnce)
          .process(exchange -> {
            var message = exchange.getMessage();
            message.setHeader(Exchange.HTTP_PATH, message.getHeader(Exchange.FILE_NAME));
          })
          .to(url + "?httpMethod=POST&" + pool);
      }
    });
    main.run();
  }
}
