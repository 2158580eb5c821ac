import com.corundumstudio.socketio.Configuration;
import com.corundumstudio.socketio.SocketIOChannelInitializer;
import com.corundumstudio.socketio.SocketIOServer;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;

import static io.netty.handler.codec.http.HttpHeaderNames.CONTENT_ENCODING;
import static io.netty.handler.codec.http.HttpHeaderValues.IDENTITY;

/** The benchmark's application on netty-socketio: java -jar bench-netty.jar HOST:PORT */
public class Server {
    public record Message(String room, String text) {}

    public static void main(String[] args) {
        String[] address = args[0].split(":");
        Configuration options = new Configuration();
        options.setHostname(address[0]);
        options.setPort(Integer.parseInt(address[1]));
        options.setMaxFramePayloadLength(1 << 20); // the default has no room for an event around 64 KiB
        options.setAllowCustomRequests(true); // or else /gauge is refused

        SocketIOServer server = new SocketIOServer(options);
        server.setPipelineFactory(new Pipeline());

        server.addEventListener("echo", String.class, (client, text, reply) -> client.sendEvent("echo", text));
        server.addEventListener("ack", String.class, (client, text, reply) -> reply.sendAckData(text));
        server.addEventListener("binary", byte[].class, (client, data, reply) -> client.sendEvent("binary", data));
        server.addEventListener("bcast", String.class, (client, text, reply) -> server.getBroadcastOperations().sendEvent("bcast", text));
        server.addEventListener("join", String.class, (client, room, reply) -> client.joinRoom(room));
        server.addEventListener("leave", String.class, (client, room, reply) -> client.leaveRoom(room));
        server.addEventListener("room", Message.class, (client, message, reply) ->
                server.getRoomOperations(message.room()).sendEvent("room", message.text()));

        server.start();
        System.out.println("listening");
    }

    /** The library's own, with an answer to what is not for the library. */
    private static class Pipeline extends SocketIOChannelInitializer {
        private final Gauge gauge = new Gauge();

        @Override
        protected void addSocketioHandlers(ChannelPipeline pipeline) {
            super.addSocketioHandlers(pipeline);
            pipeline.addBefore(WRONG_URL_HANDLER, "gauge", gauge);
        }
    }

    /** Collects the garbage and says what is left. */
    @Sharable
    private static class Gauge extends SimpleChannelInboundHandler<FullHttpRequest> {
        @Override
        protected void channelRead0(ChannelHandlerContext ctx, FullHttpRequest request) {
            System.gc();
            Runtime java = Runtime.getRuntime();
            String text = "{\"heap\":" + (java.totalMemory() - java.freeMemory()) + "}";
            var response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK, ByteBufUtil.writeUtf8(ctx.alloc(), text));
            HttpUtil.setContentLength(response, response.content().readableBytes());
            response.headers().set(CONTENT_ENCODING, IDENTITY); // compressing it would leave buffers that count
            ctx.writeAndFlush(response).addListener(ChannelFutureListener.CLOSE);
        }
    }
}
