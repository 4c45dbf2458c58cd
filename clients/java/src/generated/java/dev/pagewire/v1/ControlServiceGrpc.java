package dev.pagewire.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Everything a program can do with a running daemon. A plugin may call any RPC from inside a hook;
 * waiting in a hook for a page whose load depends on that very hook ends only by deadline. Only
 * Serve, Transform and ResolveImport need a session.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class ControlServiceGrpc {

  private ControlServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "pagewire.v1.ControlService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<dev.pagewire.v1.ServerStartRequest,
      dev.pagewire.v1.ServerStartResponse> getServerStartMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ServerStart",
      requestType = dev.pagewire.v1.ServerStartRequest.class,
      responseType = dev.pagewire.v1.ServerStartResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<dev.pagewire.v1.ServerStartRequest,
      dev.pagewire.v1.ServerStartResponse> getServerStartMethod() {
    io.grpc.MethodDescriptor<dev.pagewire.v1.ServerStartRequest, dev.pagewire.v1.ServerStartResponse> getServerStartMethod;
    if ((getServerStartMethod = ControlServiceGrpc.getServerStartMethod) == null) {
      synchronized (ControlServiceGrpc.class) {
        if ((getServerStartMethod = ControlServiceGrpc.getServerStartMethod) == null) {
          ControlServiceGrpc.getServerStartMethod = getServerStartMethod =
              io.grpc.MethodDescriptor.<dev.pagewire.v1.ServerStartRequest, dev.pagewire.v1.ServerStartResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ServerStart"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.ServerStartRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.ServerStartResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ControlServiceMethodDescriptorSupplier("ServerStart"))
              .build();
        }
      }
    }
    return getServerStartMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.pagewire.v1.EndSessionRequest,
      dev.pagewire.v1.EndSessionResponse> getEndSessionMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "EndSession",
      requestType = dev.pagewire.v1.EndSessionRequest.class,
      responseType = dev.pagewire.v1.EndSessionResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.pagewire.v1.EndSessionRequest,
      dev.pagewire.v1.EndSessionResponse> getEndSessionMethod() {
    io.grpc.MethodDescriptor<dev.pagewire.v1.EndSessionRequest, dev.pagewire.v1.EndSessionResponse> getEndSessionMethod;
    if ((getEndSessionMethod = ControlServiceGrpc.getEndSessionMethod) == null) {
      synchronized (ControlServiceGrpc.class) {
        if ((getEndSessionMethod = ControlServiceGrpc.getEndSessionMethod) == null) {
          ControlServiceGrpc.getEndSessionMethod = getEndSessionMethod =
              io.grpc.MethodDescriptor.<dev.pagewire.v1.EndSessionRequest, dev.pagewire.v1.EndSessionResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "EndSession"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.EndSessionRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.EndSessionResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ControlServiceMethodDescriptorSupplier("EndSession"))
              .build();
        }
      }
    }
    return getEndSessionMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.pagewire.v1.ServeRequest,
      dev.pagewire.v1.ServeResponse> getServeMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Serve",
      requestType = dev.pagewire.v1.ServeRequest.class,
      responseType = dev.pagewire.v1.ServeResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
  public static io.grpc.MethodDescriptor<dev.pagewire.v1.ServeRequest,
      dev.pagewire.v1.ServeResponse> getServeMethod() {
    io.grpc.MethodDescriptor<dev.pagewire.v1.ServeRequest, dev.pagewire.v1.ServeResponse> getServeMethod;
    if ((getServeMethod = ControlServiceGrpc.getServeMethod) == null) {
      synchronized (ControlServiceGrpc.class) {
        if ((getServeMethod = ControlServiceGrpc.getServeMethod) == null) {
          ControlServiceGrpc.getServeMethod = getServeMethod =
              io.grpc.MethodDescriptor.<dev.pagewire.v1.ServeRequest, dev.pagewire.v1.ServeResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Serve"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.ServeRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.ServeResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ControlServiceMethodDescriptorSupplier("Serve"))
              .build();
        }
      }
    }
    return getServeMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.pagewire.v1.TransformRequest,
      dev.pagewire.v1.TransformResponse> getTransformMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Transform",
      requestType = dev.pagewire.v1.TransformRequest.class,
      responseType = dev.pagewire.v1.TransformResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
  public static io.grpc.MethodDescriptor<dev.pagewire.v1.TransformRequest,
      dev.pagewire.v1.TransformResponse> getTransformMethod() {
    io.grpc.MethodDescriptor<dev.pagewire.v1.TransformRequest, dev.pagewire.v1.TransformResponse> getTransformMethod;
    if ((getTransformMethod = ControlServiceGrpc.getTransformMethod) == null) {
      synchronized (ControlServiceGrpc.class) {
        if ((getTransformMethod = ControlServiceGrpc.getTransformMethod) == null) {
          ControlServiceGrpc.getTransformMethod = getTransformMethod =
              io.grpc.MethodDescriptor.<dev.pagewire.v1.TransformRequest, dev.pagewire.v1.TransformResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Transform"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.TransformRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.TransformResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ControlServiceMethodDescriptorSupplier("Transform"))
              .build();
        }
      }
    }
    return getTransformMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.pagewire.v1.ResolveImportRequest,
      dev.pagewire.v1.ResolveImportResponse> getResolveImportMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ResolveImport",
      requestType = dev.pagewire.v1.ResolveImportRequest.class,
      responseType = dev.pagewire.v1.ResolveImportResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
  public static io.grpc.MethodDescriptor<dev.pagewire.v1.ResolveImportRequest,
      dev.pagewire.v1.ResolveImportResponse> getResolveImportMethod() {
    io.grpc.MethodDescriptor<dev.pagewire.v1.ResolveImportRequest, dev.pagewire.v1.ResolveImportResponse> getResolveImportMethod;
    if ((getResolveImportMethod = ControlServiceGrpc.getResolveImportMethod) == null) {
      synchronized (ControlServiceGrpc.class) {
        if ((getResolveImportMethod = ControlServiceGrpc.getResolveImportMethod) == null) {
          ControlServiceGrpc.getResolveImportMethod = getResolveImportMethod =
              io.grpc.MethodDescriptor.<dev.pagewire.v1.ResolveImportRequest, dev.pagewire.v1.ResolveImportResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ResolveImport"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.ResolveImportRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.ResolveImportResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ControlServiceMethodDescriptorSupplier("ResolveImport"))
              .build();
        }
      }
    }
    return getResolveImportMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.pagewire.v1.InvalidateRequest,
      dev.pagewire.v1.InvalidateResponse> getInvalidateMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Invalidate",
      requestType = dev.pagewire.v1.InvalidateRequest.class,
      responseType = dev.pagewire.v1.InvalidateResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.pagewire.v1.InvalidateRequest,
      dev.pagewire.v1.InvalidateResponse> getInvalidateMethod() {
    io.grpc.MethodDescriptor<dev.pagewire.v1.InvalidateRequest, dev.pagewire.v1.InvalidateResponse> getInvalidateMethod;
    if ((getInvalidateMethod = ControlServiceGrpc.getInvalidateMethod) == null) {
      synchronized (ControlServiceGrpc.class) {
        if ((getInvalidateMethod = ControlServiceGrpc.getInvalidateMethod) == null) {
          ControlServiceGrpc.getInvalidateMethod = getInvalidateMethod =
              io.grpc.MethodDescriptor.<dev.pagewire.v1.InvalidateRequest, dev.pagewire.v1.InvalidateResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Invalidate"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.InvalidateRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.InvalidateResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ControlServiceMethodDescriptorSupplier("Invalidate"))
              .build();
        }
      }
    }
    return getInvalidateMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.pagewire.v1.SendRequest,
      dev.pagewire.v1.SendResponse> getSendMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Send",
      requestType = dev.pagewire.v1.SendRequest.class,
      responseType = dev.pagewire.v1.SendResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.pagewire.v1.SendRequest,
      dev.pagewire.v1.SendResponse> getSendMethod() {
    io.grpc.MethodDescriptor<dev.pagewire.v1.SendRequest, dev.pagewire.v1.SendResponse> getSendMethod;
    if ((getSendMethod = ControlServiceGrpc.getSendMethod) == null) {
      synchronized (ControlServiceGrpc.class) {
        if ((getSendMethod = ControlServiceGrpc.getSendMethod) == null) {
          ControlServiceGrpc.getSendMethod = getSendMethod =
              io.grpc.MethodDescriptor.<dev.pagewire.v1.SendRequest, dev.pagewire.v1.SendResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Send"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.SendRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.SendResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ControlServiceMethodDescriptorSupplier("Send"))
              .build();
        }
      }
    }
    return getSendMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.pagewire.v1.SendStreamRequest,
      dev.pagewire.v1.SendStreamResponse> getSendStreamMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "SendStream",
      requestType = dev.pagewire.v1.SendStreamRequest.class,
      responseType = dev.pagewire.v1.SendStreamResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
  public static io.grpc.MethodDescriptor<dev.pagewire.v1.SendStreamRequest,
      dev.pagewire.v1.SendStreamResponse> getSendStreamMethod() {
    io.grpc.MethodDescriptor<dev.pagewire.v1.SendStreamRequest, dev.pagewire.v1.SendStreamResponse> getSendStreamMethod;
    if ((getSendStreamMethod = ControlServiceGrpc.getSendStreamMethod) == null) {
      synchronized (ControlServiceGrpc.class) {
        if ((getSendStreamMethod = ControlServiceGrpc.getSendStreamMethod) == null) {
          ControlServiceGrpc.getSendStreamMethod = getSendStreamMethod =
              io.grpc.MethodDescriptor.<dev.pagewire.v1.SendStreamRequest, dev.pagewire.v1.SendStreamResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "SendStream"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.SendStreamRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.SendStreamResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ControlServiceMethodDescriptorSupplier("SendStream"))
              .build();
        }
      }
    }
    return getSendStreamMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.pagewire.v1.SendImportRequest,
      dev.pagewire.v1.SendImportResponse> getSendImportMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "SendImport",
      requestType = dev.pagewire.v1.SendImportRequest.class,
      responseType = dev.pagewire.v1.SendImportResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.pagewire.v1.SendImportRequest,
      dev.pagewire.v1.SendImportResponse> getSendImportMethod() {
    io.grpc.MethodDescriptor<dev.pagewire.v1.SendImportRequest, dev.pagewire.v1.SendImportResponse> getSendImportMethod;
    if ((getSendImportMethod = ControlServiceGrpc.getSendImportMethod) == null) {
      synchronized (ControlServiceGrpc.class) {
        if ((getSendImportMethod = ControlServiceGrpc.getSendImportMethod) == null) {
          ControlServiceGrpc.getSendImportMethod = getSendImportMethod =
              io.grpc.MethodDescriptor.<dev.pagewire.v1.SendImportRequest, dev.pagewire.v1.SendImportResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "SendImport"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.SendImportRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.SendImportResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ControlServiceMethodDescriptorSupplier("SendImport"))
              .build();
        }
      }
    }
    return getSendImportMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.pagewire.v1.SendConsoleLogRequest,
      dev.pagewire.v1.SendConsoleLogResponse> getSendConsoleLogMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "SendConsoleLog",
      requestType = dev.pagewire.v1.SendConsoleLogRequest.class,
      responseType = dev.pagewire.v1.SendConsoleLogResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.pagewire.v1.SendConsoleLogRequest,
      dev.pagewire.v1.SendConsoleLogResponse> getSendConsoleLogMethod() {
    io.grpc.MethodDescriptor<dev.pagewire.v1.SendConsoleLogRequest, dev.pagewire.v1.SendConsoleLogResponse> getSendConsoleLogMethod;
    if ((getSendConsoleLogMethod = ControlServiceGrpc.getSendConsoleLogMethod) == null) {
      synchronized (ControlServiceGrpc.class) {
        if ((getSendConsoleLogMethod = ControlServiceGrpc.getSendConsoleLogMethod) == null) {
          ControlServiceGrpc.getSendConsoleLogMethod = getSendConsoleLogMethod =
              io.grpc.MethodDescriptor.<dev.pagewire.v1.SendConsoleLogRequest, dev.pagewire.v1.SendConsoleLogResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "SendConsoleLog"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.SendConsoleLogRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.SendConsoleLogResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ControlServiceMethodDescriptorSupplier("SendConsoleLog"))
              .build();
        }
      }
    }
    return getSendConsoleLogMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.pagewire.v1.SendCommandRequest,
      dev.pagewire.v1.SendCommandResponse> getSendCommandMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "SendCommand",
      requestType = dev.pagewire.v1.SendCommandRequest.class,
      responseType = dev.pagewire.v1.SendCommandResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.pagewire.v1.SendCommandRequest,
      dev.pagewire.v1.SendCommandResponse> getSendCommandMethod() {
    io.grpc.MethodDescriptor<dev.pagewire.v1.SendCommandRequest, dev.pagewire.v1.SendCommandResponse> getSendCommandMethod;
    if ((getSendCommandMethod = ControlServiceGrpc.getSendCommandMethod) == null) {
      synchronized (ControlServiceGrpc.class) {
        if ((getSendCommandMethod = ControlServiceGrpc.getSendCommandMethod) == null) {
          ControlServiceGrpc.getSendCommandMethod = getSendCommandMethod =
              io.grpc.MethodDescriptor.<dev.pagewire.v1.SendCommandRequest, dev.pagewire.v1.SendCommandResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "SendCommand"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.SendCommandRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.SendCommandResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ControlServiceMethodDescriptorSupplier("SendCommand"))
              .build();
        }
      }
    }
    return getSendCommandMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.pagewire.v1.SubscribeMessagesRequest,
      dev.pagewire.v1.SubscribeMessagesResponse> getSubscribeMessagesMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "SubscribeMessages",
      requestType = dev.pagewire.v1.SubscribeMessagesRequest.class,
      responseType = dev.pagewire.v1.SubscribeMessagesResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<dev.pagewire.v1.SubscribeMessagesRequest,
      dev.pagewire.v1.SubscribeMessagesResponse> getSubscribeMessagesMethod() {
    io.grpc.MethodDescriptor<dev.pagewire.v1.SubscribeMessagesRequest, dev.pagewire.v1.SubscribeMessagesResponse> getSubscribeMessagesMethod;
    if ((getSubscribeMessagesMethod = ControlServiceGrpc.getSubscribeMessagesMethod) == null) {
      synchronized (ControlServiceGrpc.class) {
        if ((getSubscribeMessagesMethod = ControlServiceGrpc.getSubscribeMessagesMethod) == null) {
          ControlServiceGrpc.getSubscribeMessagesMethod = getSubscribeMessagesMethod =
              io.grpc.MethodDescriptor.<dev.pagewire.v1.SubscribeMessagesRequest, dev.pagewire.v1.SubscribeMessagesResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "SubscribeMessages"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.SubscribeMessagesRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.SubscribeMessagesResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ControlServiceMethodDescriptorSupplier("SubscribeMessages"))
              .build();
        }
      }
    }
    return getSubscribeMessagesMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.pagewire.v1.ListSocketsRequest,
      dev.pagewire.v1.ListSocketsResponse> getListSocketsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListSockets",
      requestType = dev.pagewire.v1.ListSocketsRequest.class,
      responseType = dev.pagewire.v1.ListSocketsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.pagewire.v1.ListSocketsRequest,
      dev.pagewire.v1.ListSocketsResponse> getListSocketsMethod() {
    io.grpc.MethodDescriptor<dev.pagewire.v1.ListSocketsRequest, dev.pagewire.v1.ListSocketsResponse> getListSocketsMethod;
    if ((getListSocketsMethod = ControlServiceGrpc.getListSocketsMethod) == null) {
      synchronized (ControlServiceGrpc.class) {
        if ((getListSocketsMethod = ControlServiceGrpc.getListSocketsMethod) == null) {
          ControlServiceGrpc.getListSocketsMethod = getListSocketsMethod =
              io.grpc.MethodDescriptor.<dev.pagewire.v1.ListSocketsRequest, dev.pagewire.v1.ListSocketsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListSockets"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.ListSocketsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.ListSocketsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ControlServiceMethodDescriptorSupplier("ListSockets"))
              .build();
        }
      }
    }
    return getListSocketsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.pagewire.v1.CloseSocketsRequest,
      dev.pagewire.v1.CloseSocketsResponse> getCloseSocketsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "CloseSockets",
      requestType = dev.pagewire.v1.CloseSocketsRequest.class,
      responseType = dev.pagewire.v1.CloseSocketsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.pagewire.v1.CloseSocketsRequest,
      dev.pagewire.v1.CloseSocketsResponse> getCloseSocketsMethod() {
    io.grpc.MethodDescriptor<dev.pagewire.v1.CloseSocketsRequest, dev.pagewire.v1.CloseSocketsResponse> getCloseSocketsMethod;
    if ((getCloseSocketsMethod = ControlServiceGrpc.getCloseSocketsMethod) == null) {
      synchronized (ControlServiceGrpc.class) {
        if ((getCloseSocketsMethod = ControlServiceGrpc.getCloseSocketsMethod) == null) {
          ControlServiceGrpc.getCloseSocketsMethod = getCloseSocketsMethod =
              io.grpc.MethodDescriptor.<dev.pagewire.v1.CloseSocketsRequest, dev.pagewire.v1.CloseSocketsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "CloseSockets"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.CloseSocketsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.CloseSocketsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ControlServiceMethodDescriptorSupplier("CloseSockets"))
              .build();
        }
      }
    }
    return getCloseSocketsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.pagewire.v1.GetServerInfoRequest,
      dev.pagewire.v1.GetServerInfoResponse> getGetServerInfoMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetServerInfo",
      requestType = dev.pagewire.v1.GetServerInfoRequest.class,
      responseType = dev.pagewire.v1.GetServerInfoResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.pagewire.v1.GetServerInfoRequest,
      dev.pagewire.v1.GetServerInfoResponse> getGetServerInfoMethod() {
    io.grpc.MethodDescriptor<dev.pagewire.v1.GetServerInfoRequest, dev.pagewire.v1.GetServerInfoResponse> getGetServerInfoMethod;
    if ((getGetServerInfoMethod = ControlServiceGrpc.getGetServerInfoMethod) == null) {
      synchronized (ControlServiceGrpc.class) {
        if ((getGetServerInfoMethod = ControlServiceGrpc.getGetServerInfoMethod) == null) {
          ControlServiceGrpc.getGetServerInfoMethod = getGetServerInfoMethod =
              io.grpc.MethodDescriptor.<dev.pagewire.v1.GetServerInfoRequest, dev.pagewire.v1.GetServerInfoResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetServerInfo"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.GetServerInfoRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.GetServerInfoResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ControlServiceMethodDescriptorSupplier("GetServerInfo"))
              .build();
        }
      }
    }
    return getGetServerInfoMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.pagewire.v1.ListPluginsRequest,
      dev.pagewire.v1.ListPluginsResponse> getListPluginsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListPlugins",
      requestType = dev.pagewire.v1.ListPluginsRequest.class,
      responseType = dev.pagewire.v1.ListPluginsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.pagewire.v1.ListPluginsRequest,
      dev.pagewire.v1.ListPluginsResponse> getListPluginsMethod() {
    io.grpc.MethodDescriptor<dev.pagewire.v1.ListPluginsRequest, dev.pagewire.v1.ListPluginsResponse> getListPluginsMethod;
    if ((getListPluginsMethod = ControlServiceGrpc.getListPluginsMethod) == null) {
      synchronized (ControlServiceGrpc.class) {
        if ((getListPluginsMethod = ControlServiceGrpc.getListPluginsMethod) == null) {
          ControlServiceGrpc.getListPluginsMethod = getListPluginsMethod =
              io.grpc.MethodDescriptor.<dev.pagewire.v1.ListPluginsRequest, dev.pagewire.v1.ListPluginsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListPlugins"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.ListPluginsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.pagewire.v1.ListPluginsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ControlServiceMethodDescriptorSupplier("ListPlugins"))
              .build();
        }
      }
    }
    return getListPluginsMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static ControlServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<ControlServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<ControlServiceStub>() {
        @java.lang.Override
        public ControlServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new ControlServiceStub(channel, callOptions);
        }
      };
    return ControlServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static ControlServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<ControlServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<ControlServiceBlockingV2Stub>() {
        @java.lang.Override
        public ControlServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new ControlServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return ControlServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static ControlServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<ControlServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<ControlServiceBlockingStub>() {
        @java.lang.Override
        public ControlServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new ControlServiceBlockingStub(channel, callOptions);
        }
      };
    return ControlServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static ControlServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<ControlServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<ControlServiceFutureStub>() {
        @java.lang.Override
        public ControlServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new ControlServiceFutureStub(channel, callOptions);
        }
      };
    return ControlServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Everything a program can do with a running daemon. A plugin may call any RPC from inside a hook;
   * waiting in a hook for a page whose load depends on that very hook ends only by deadline. Only
   * Serve, Transform and ResolveImport need a session.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Opens a plugin SESSION and is the server-start hook: first message = ServerStarted, which
     * carries the connected sockets. The session lives exactly as long as this stream, so a client
     * holds and reads it; when it ends, everything the plugin had ends in one step, visibly
     * everywhere before its name can be taken. Ends OK when the daemon stops, ABORTED/REPLACED when
     * another session takes the name over, ABORTED/SESSION_CLOSED when the session was ended. Fails
     * with ALREADY_EXISTS/PLUGIN_NAME_TAKEN, FAILED_PRECONDITION/FEATURE_UNSUPPORTED,
     * INVALID_ARGUMENT/FIELD_INVALID or RESOURCE_EXHAUSTED/LIMIT_REACHED.
     * </pre>
     */
    default void serverStart(dev.pagewire.v1.ServerStartRequest request,
        io.grpc.stub.StreamObserver<dev.pagewire.v1.ServerStartResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getServerStartMethod(), responseObserver);
    }

    /**
     * <pre>
     * Ends a session, and returns when everything it had is gone: no request that comes later is held
     * by it, and its name is free. Its ServerStart and hook streams end with ABORTED/SESSION_CLOSED;
     * calls under way fail as if the plugin had left. To let them finish, half-close the hook streams
     * and wait for their end first. FAILED_PRECONDITION/SESSION_GONE when there is no such session.
     * </pre>
     */
    default void endSession(dev.pagewire.v1.EndSessionRequest request,
        io.grpc.stub.StreamObserver<dev.pagewire.v1.EndSessionResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getEndSessionMethod(), responseObserver);
    }

    /**
     * <pre>
     * Hook: answer requests with virtual files. First plugin message must be `open`. One HTTP request
     * is answered by exactly one plugin in resolved order, or the file system. Fails, as every hook
     * stream does, with FAILED_PRECONDITION/SESSION_REQUIRED without a session, SESSION_GONE when it
     * is over, HOOK_UNDECLARED when ServerStartRequest.hooks lacks it;
     * ALREADY_EXISTS/HOOK_ALREADY_OPEN when opened twice; INVALID_ARGUMENT/FIELD_INVALID for bad
     * options or filters. Ends with ABORTED/REPLACED or ABORTED/SESSION_CLOSED when its session does.
     * </pre>
     */
    default io.grpc.stub.StreamObserver<dev.pagewire.v1.ServeRequest> serve(
        io.grpc.stub.StreamObserver<dev.pagewire.v1.ServeResponse> responseObserver) {
      return io.grpc.stub.ServerCalls.asyncUnimplementedStreamingCall(getServeMethod(), responseObserver);
    }

    /**
     * <pre>
     * Hook: change a response's body, headers or MIME type before the page gets it. Plugins change it
     * one after the other, in resolved order. First plugin message must be `open`. Errors as for
     * Serve.
     * </pre>
     */
    default io.grpc.stub.StreamObserver<dev.pagewire.v1.TransformRequest> transform(
        io.grpc.stub.StreamObserver<dev.pagewire.v1.TransformResponse> responseObserver) {
      return io.grpc.stub.ServerCalls.asyncUnimplementedStreamingCall(getTransformMethod(), responseObserver);
    }

    /**
     * <pre>
     * Hook: resolve the import specifiers of a JavaScript module, all of one module in one call.
     * First plugin message must be `open`. Errors as for Serve.
     * </pre>
     */
    default io.grpc.stub.StreamObserver<dev.pagewire.v1.ResolveImportRequest> resolveImport(
        io.grpc.stub.StreamObserver<dev.pagewire.v1.ResolveImportResponse> responseObserver) {
      return io.grpc.stub.ServerCalls.asyncUnimplementedStreamingCall(getResolveImportMethod(), responseObserver);
    }

    /**
     * <pre>
     * Forgets remembered and cached results. Results of calls that began before this RPC returned are
     * never remembered. Needs no session. INVALID_ARGUMENT/FIELD_INVALID when nothing is named.
     * </pre>
     */
    default void invalidate(dev.pagewire.v1.InvalidateRequest request,
        io.grpc.stub.StreamObserver<dev.pagewire.v1.InvalidateResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getInvalidateMethod(), responseObserver);
    }

    /**
     * <pre>
     * Sends one message to the selected sockets, or answers a page's request. Frames of successive
     * completed RPCs reach one socket in RPC order, each at most once. Needs no session. Unknown,
     * closed and slow sockets, and nobody connected, are OK with rows. Bad input is
     * INVALID_ARGUMENT/FIELD_INVALID; answering fails with NOT_FOUND/REQUEST_NOT_FOUND or
     * FAILED_PRECONDITION/ALREADY_ANSWERED or REQUEST_EXPIRED.
     * </pre>
     */
    default void send(dev.pagewire.v1.SendRequest request,
        io.grpc.stub.StreamObserver<dev.pagewire.v1.SendResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getSendMethod(), responseObserver);
    }

    /**
     * <pre>
     * Send, pipelined: one response per request, in order, on one stream. For plugins that answer
     * many messages: no RPC is set up per message. A bad request is answered by an error in its
     * response and the stream goes on.
     * </pre>
     */
    default io.grpc.stub.StreamObserver<dev.pagewire.v1.SendStreamRequest> sendStream(
        io.grpc.stub.StreamObserver<dev.pagewire.v1.SendStreamResponse> responseObserver) {
      return io.grpc.stub.ServerCalls.asyncUnimplementedStreamingCall(getSendStreamMethod(), responseObserver);
    }

    /**
     * <pre>
     * Has pages import() a module and call its default export; can return what it returned. Needs no
     * session. An exception, a page that never answers or nobody connected are OK with rows; a
     * fan-out that runs out of time is OK with TIMED_OUT rows. Bad input is
     * INVALID_ARGUMENT/FIELD_INVALID.
     * </pre>
     */
    default void sendImport(dev.pagewire.v1.SendImportRequest request,
        io.grpc.stub.StreamObserver<dev.pagewire.v1.SendImportResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getSendImportMethod(), responseObserver);
    }

    /**
     * <pre>
     * Prints to the console of the selected pages. Needs no session. Reports and fails as Send does.
     * </pre>
     */
    default void sendConsoleLog(dev.pagewire.v1.SendConsoleLogRequest request,
        io.grpc.stub.StreamObserver<dev.pagewire.v1.SendConsoleLogResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getSendConsoleLogMethod(), responseObserver);
    }

    /**
     * <pre>
     * Built-in page operations (reload, navigate, swap stylesheets). Needs no session. Reports and
     * fails as Send does.
     * </pre>
     */
    default void sendCommand(dev.pagewire.v1.SendCommandRequest request,
        io.grpc.stub.StreamObserver<dev.pagewire.v1.SendCommandResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getSendCommandMethod(), responseObserver);
    }

    /**
     * <pre>
     * One ordered, resumable event stream: messages, console, errors, socket lifecycle, files. A
     * subscriber gets every matching event, or a Gap with exact bounds, or an error; silence is not
     * offered. Needs no session. Fails with INVALID_ARGUMENT/FIELD_INVALID,
     * OUT_OF_RANGE/POSITION_EVICTED or EPOCH_CHANGED (strict_resume); ends with
     * RESOURCE_EXHAUSTED/SUBSCRIBER_SLOW (OVERFLOW_POLICY_DISCONNECT).
     * </pre>
     */
    default void subscribeMessages(dev.pagewire.v1.SubscribeMessagesRequest request,
        io.grpc.stub.StreamObserver<dev.pagewire.v1.SubscribeMessagesResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getSubscribeMessagesMethod(), responseObserver);
    }

    /**
     * <pre>
     * Connected sockets with metadata, plus the position to subscribe from. Paged. Needs no session.
     * INVALID_ARGUMENT/FIELD_INVALID for a bad regex, page size or page token.
     * </pre>
     */
    default void listSockets(dev.pagewire.v1.ListSocketsRequest request,
        io.grpc.stub.StreamObserver<dev.pagewire.v1.ListSocketsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListSocketsMethod(), responseObserver);
    }

    /**
     * <pre>
     * Closes sockets with a WebSocket close code. Needs no session. INVALID_ARGUMENT/FIELD_INVALID
     * for an unset target, or a code or reason that cannot be sent.
     * </pre>
     */
    default void closeSockets(dev.pagewire.v1.CloseSocketsRequest request,
        io.grpc.stub.StreamObserver<dev.pagewire.v1.CloseSocketsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCloseSocketsMethod(), responseObserver);
    }

    /**
     * <pre>
     * Version, features and limits. Callable without a session.
     * </pre>
     */
    default void getServerInfo(dev.pagewire.v1.GetServerInfoRequest request,
        io.grpc.stub.StreamObserver<dev.pagewire.v1.GetServerInfoResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetServerInfoMethod(), responseObserver);
    }

    /**
     * <pre>
     * Plugins in resolved hook order, with state and counters. Paged. Needs no session.
     * </pre>
     */
    default void listPlugins(dev.pagewire.v1.ListPluginsRequest request,
        io.grpc.stub.StreamObserver<dev.pagewire.v1.ListPluginsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListPluginsMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service ControlService.
   * <pre>
   * Everything a program can do with a running daemon. A plugin may call any RPC from inside a hook;
   * waiting in a hook for a page whose load depends on that very hook ends only by deadline. Only
   * Serve, Transform and ResolveImport need a session.
   * </pre>
   */
  public static abstract class ControlServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return ControlServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service ControlService.
   * <pre>
   * Everything a program can do with a running daemon. A plugin may call any RPC from inside a hook;
   * waiting in a hook for a page whose load depends on that very hook ends only by deadline. Only
   * Serve, Transform and ResolveImport need a session.
   * </pre>
   */
  public static final class ControlServiceStub
      extends io.grpc.stub.AbstractAsyncStub<ControlServiceStub> {
    private ControlServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected ControlServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new ControlServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Opens a plugin SESSION and is the server-start hook: first message = ServerStarted, which
     * carries the connected sockets. The session lives exactly as long as this stream, so a client
     * holds and reads it; when it ends, everything the plugin had ends in one step, visibly
     * everywhere before its name can be taken. Ends OK when the daemon stops, ABORTED/REPLACED when
     * another session takes the name over, ABORTED/SESSION_CLOSED when the session was ended. Fails
     * with ALREADY_EXISTS/PLUGIN_NAME_TAKEN, FAILED_PRECONDITION/FEATURE_UNSUPPORTED,
     * INVALID_ARGUMENT/FIELD_INVALID or RESOURCE_EXHAUSTED/LIMIT_REACHED.
     * </pre>
     */
    public void serverStart(dev.pagewire.v1.ServerStartRequest request,
        io.grpc.stub.StreamObserver<dev.pagewire.v1.ServerStartResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getServerStartMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Ends a session, and returns when everything it had is gone: no request that comes later is held
     * by it, and its name is free. Its ServerStart and hook streams end with ABORTED/SESSION_CLOSED;
     * calls under way fail as if the plugin had left. To let them finish, half-close the hook streams
     * and wait for their end first. FAILED_PRECONDITION/SESSION_GONE when there is no such session.
     * </pre>
     */
    public void endSession(dev.pagewire.v1.EndSessionRequest request,
        io.grpc.stub.StreamObserver<dev.pagewire.v1.EndSessionResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getEndSessionMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Hook: answer requests with virtual files. First plugin message must be `open`. One HTTP request
     * is answered by exactly one plugin in resolved order, or the file system. Fails, as every hook
     * stream does, with FAILED_PRECONDITION/SESSION_REQUIRED without a session, SESSION_GONE when it
     * is over, HOOK_UNDECLARED when ServerStartRequest.hooks lacks it;
     * ALREADY_EXISTS/HOOK_ALREADY_OPEN when opened twice; INVALID_ARGUMENT/FIELD_INVALID for bad
     * options or filters. Ends with ABORTED/REPLACED or ABORTED/SESSION_CLOSED when its session does.
     * </pre>
     */
    public io.grpc.stub.StreamObserver<dev.pagewire.v1.ServeRequest> serve(
        io.grpc.stub.StreamObserver<dev.pagewire.v1.ServeResponse> responseObserver) {
      return io.grpc.stub.ClientCalls.asyncBidiStreamingCall(
          getChannel().newCall(getServeMethod(), getCallOptions()), responseObserver);
    }

    /**
     * <pre>
     * Hook: change a response's body, headers or MIME type before the page gets it. Plugins change it
     * one after the other, in resolved order. First plugin message must be `open`. Errors as for
     * Serve.
     * </pre>
     */
    public io.grpc.stub.StreamObserver<dev.pagewire.v1.TransformRequest> transform(
        io.grpc.stub.StreamObserver<dev.pagewire.v1.TransformResponse> responseObserver) {
      return io.grpc.stub.ClientCalls.asyncBidiStreamingCall(
          getChannel().newCall(getTransformMethod(), getCallOptions()), responseObserver);
    }

    /**
     * <pre>
     * Hook: resolve the import specifiers of a JavaScript module, all of one module in one call.
     * First plugin message must be `open`. Errors as for Serve.
     * </pre>
     */
    public io.grpc.stub.StreamObserver<dev.pagewire.v1.ResolveImportRequest> resolveImport(
        io.grpc.stub.StreamObserver<dev.pagewire.v1.ResolveImportResponse> responseObserver) {
      return io.grpc.stub.ClientCalls.asyncBidiStreamingCall(
          getChannel().newCall(getResolveImportMethod(), getCallOptions()), responseObserver);
    }

    /**
     * <pre>
     * Forgets remembered and cached results. Results of calls that began before this RPC returned are
     * never remembered. Needs no session. INVALID_ARGUMENT/FIELD_INVALID when nothing is named.
     * </pre>
     */
    public void invalidate(dev.pagewire.v1.InvalidateRequest request,
        io.grpc.stub.StreamObserver<dev.pagewire.v1.InvalidateResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getInvalidateMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Sends one message to the selected sockets, or answers a page's request. Frames of successive
     * completed RPCs reach one socket in RPC order, each at most once. Needs no session. Unknown,
     * closed and slow sockets, and nobody connected, are OK with rows. Bad input is
     * INVALID_ARGUMENT/FIELD_INVALID; answering fails with NOT_FOUND/REQUEST_NOT_FOUND or
     * FAILED_PRECONDITION/ALREADY_ANSWERED or REQUEST_EXPIRED.
     * </pre>
     */
    public void send(dev.pagewire.v1.SendRequest request,
        io.grpc.stub.StreamObserver<dev.pagewire.v1.SendResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getSendMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Send, pipelined: one response per request, in order, on one stream. For plugins that answer
     * many messages: no RPC is set up per message. A bad request is answered by an error in its
     * response and the stream goes on.
     * </pre>
     */
    public io.grpc.stub.StreamObserver<dev.pagewire.v1.SendStreamRequest> sendStream(
        io.grpc.stub.StreamObserver<dev.pagewire.v1.SendStreamResponse> responseObserver) {
      return io.grpc.stub.ClientCalls.asyncBidiStreamingCall(
          getChannel().newCall(getSendStreamMethod(), getCallOptions()), responseObserver);
    }

    /**
     * <pre>
     * Has pages import() a module and call its default export; can return what it returned. Needs no
     * session. An exception, a page that never answers or nobody connected are OK with rows; a
     * fan-out that runs out of time is OK with TIMED_OUT rows. Bad input is
     * INVALID_ARGUMENT/FIELD_INVALID.
     * </pre>
     */
    public void sendImport(dev.pagewire.v1.SendImportRequest request,
        io.grpc.stub.StreamObserver<dev.pagewire.v1.SendImportResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getSendImportMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Prints to the console of the selected pages. Needs no session. Reports and fails as Send does.
     * </pre>
     */
    public void sendConsoleLog(dev.pagewire.v1.SendConsoleLogRequest request,
        io.grpc.stub.StreamObserver<dev.pagewire.v1.SendConsoleLogResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getSendConsoleLogMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Built-in page operations (reload, navigate, swap stylesheets). Needs no session. Reports and
     * fails as Send does.
     * </pre>
     */
    public void sendCommand(dev.pagewire.v1.SendCommandRequest request,
        io.grpc.stub.StreamObserver<dev.pagewire.v1.SendCommandResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getSendCommandMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * One ordered, resumable event stream: messages, console, errors, socket lifecycle, files. A
     * subscriber gets every matching event, or a Gap with exact bounds, or an error; silence is not
     * offered. Needs no session. Fails with INVALID_ARGUMENT/FIELD_INVALID,
     * OUT_OF_RANGE/POSITION_EVICTED or EPOCH_CHANGED (strict_resume); ends with
     * RESOURCE_EXHAUSTED/SUBSCRIBER_SLOW (OVERFLOW_POLICY_DISCONNECT).
     * </pre>
     */
    public void subscribeMessages(dev.pagewire.v1.SubscribeMessagesRequest request,
        io.grpc.stub.StreamObserver<dev.pagewire.v1.SubscribeMessagesResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getSubscribeMessagesMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Connected sockets with metadata, plus the position to subscribe from. Paged. Needs no session.
     * INVALID_ARGUMENT/FIELD_INVALID for a bad regex, page size or page token.
     * </pre>
     */
    public void listSockets(dev.pagewire.v1.ListSocketsRequest request,
        io.grpc.stub.StreamObserver<dev.pagewire.v1.ListSocketsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListSocketsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Closes sockets with a WebSocket close code. Needs no session. INVALID_ARGUMENT/FIELD_INVALID
     * for an unset target, or a code or reason that cannot be sent.
     * </pre>
     */
    public void closeSockets(dev.pagewire.v1.CloseSocketsRequest request,
        io.grpc.stub.StreamObserver<dev.pagewire.v1.CloseSocketsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCloseSocketsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Version, features and limits. Callable without a session.
     * </pre>
     */
    public void getServerInfo(dev.pagewire.v1.GetServerInfoRequest request,
        io.grpc.stub.StreamObserver<dev.pagewire.v1.GetServerInfoResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetServerInfoMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Plugins in resolved hook order, with state and counters. Paged. Needs no session.
     * </pre>
     */
    public void listPlugins(dev.pagewire.v1.ListPluginsRequest request,
        io.grpc.stub.StreamObserver<dev.pagewire.v1.ListPluginsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListPluginsMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service ControlService.
   * <pre>
   * Everything a program can do with a running daemon. A plugin may call any RPC from inside a hook;
   * waiting in a hook for a page whose load depends on that very hook ends only by deadline. Only
   * Serve, Transform and ResolveImport need a session.
   * </pre>
   */
  public static final class ControlServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<ControlServiceBlockingV2Stub> {
    private ControlServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected ControlServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new ControlServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Opens a plugin SESSION and is the server-start hook: first message = ServerStarted, which
     * carries the connected sockets. The session lives exactly as long as this stream, so a client
     * holds and reads it; when it ends, everything the plugin had ends in one step, visibly
     * everywhere before its name can be taken. Ends OK when the daemon stops, ABORTED/REPLACED when
     * another session takes the name over, ABORTED/SESSION_CLOSED when the session was ended. Fails
     * with ALREADY_EXISTS/PLUGIN_NAME_TAKEN, FAILED_PRECONDITION/FEATURE_UNSUPPORTED,
     * INVALID_ARGUMENT/FIELD_INVALID or RESOURCE_EXHAUSTED/LIMIT_REACHED.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, dev.pagewire.v1.ServerStartResponse>
        serverStart(dev.pagewire.v1.ServerStartRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getServerStartMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Ends a session, and returns when everything it had is gone: no request that comes later is held
     * by it, and its name is free. Its ServerStart and hook streams end with ABORTED/SESSION_CLOSED;
     * calls under way fail as if the plugin had left. To let them finish, half-close the hook streams
     * and wait for their end first. FAILED_PRECONDITION/SESSION_GONE when there is no such session.
     * </pre>
     */
    public dev.pagewire.v1.EndSessionResponse endSession(dev.pagewire.v1.EndSessionRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getEndSessionMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Hook: answer requests with virtual files. First plugin message must be `open`. One HTTP request
     * is answered by exactly one plugin in resolved order, or the file system. Fails, as every hook
     * stream does, with FAILED_PRECONDITION/SESSION_REQUIRED without a session, SESSION_GONE when it
     * is over, HOOK_UNDECLARED when ServerStartRequest.hooks lacks it;
     * ALREADY_EXISTS/HOOK_ALREADY_OPEN when opened twice; INVALID_ARGUMENT/FIELD_INVALID for bad
     * options or filters. Ends with ABORTED/REPLACED or ABORTED/SESSION_CLOSED when its session does.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<dev.pagewire.v1.ServeRequest, dev.pagewire.v1.ServeResponse>
        serve() {
      return io.grpc.stub.ClientCalls.blockingBidiStreamingCall(
          getChannel(), getServeMethod(), getCallOptions());
    }

    /**
     * <pre>
     * Hook: change a response's body, headers or MIME type before the page gets it. Plugins change it
     * one after the other, in resolved order. First plugin message must be `open`. Errors as for
     * Serve.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<dev.pagewire.v1.TransformRequest, dev.pagewire.v1.TransformResponse>
        transform() {
      return io.grpc.stub.ClientCalls.blockingBidiStreamingCall(
          getChannel(), getTransformMethod(), getCallOptions());
    }

    /**
     * <pre>
     * Hook: resolve the import specifiers of a JavaScript module, all of one module in one call.
     * First plugin message must be `open`. Errors as for Serve.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<dev.pagewire.v1.ResolveImportRequest, dev.pagewire.v1.ResolveImportResponse>
        resolveImport() {
      return io.grpc.stub.ClientCalls.blockingBidiStreamingCall(
          getChannel(), getResolveImportMethod(), getCallOptions());
    }

    /**
     * <pre>
     * Forgets remembered and cached results. Results of calls that began before this RPC returned are
     * never remembered. Needs no session. INVALID_ARGUMENT/FIELD_INVALID when nothing is named.
     * </pre>
     */
    public dev.pagewire.v1.InvalidateResponse invalidate(dev.pagewire.v1.InvalidateRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getInvalidateMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Sends one message to the selected sockets, or answers a page's request. Frames of successive
     * completed RPCs reach one socket in RPC order, each at most once. Needs no session. Unknown,
     * closed and slow sockets, and nobody connected, are OK with rows. Bad input is
     * INVALID_ARGUMENT/FIELD_INVALID; answering fails with NOT_FOUND/REQUEST_NOT_FOUND or
     * FAILED_PRECONDITION/ALREADY_ANSWERED or REQUEST_EXPIRED.
     * </pre>
     */
    public dev.pagewire.v1.SendResponse send(dev.pagewire.v1.SendRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getSendMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Send, pipelined: one response per request, in order, on one stream. For plugins that answer
     * many messages: no RPC is set up per message. A bad request is answered by an error in its
     * response and the stream goes on.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<dev.pagewire.v1.SendStreamRequest, dev.pagewire.v1.SendStreamResponse>
        sendStream() {
      return io.grpc.stub.ClientCalls.blockingBidiStreamingCall(
          getChannel(), getSendStreamMethod(), getCallOptions());
    }

    /**
     * <pre>
     * Has pages import() a module and call its default export; can return what it returned. Needs no
     * session. An exception, a page that never answers or nobody connected are OK with rows; a
     * fan-out that runs out of time is OK with TIMED_OUT rows. Bad input is
     * INVALID_ARGUMENT/FIELD_INVALID.
     * </pre>
     */
    public dev.pagewire.v1.SendImportResponse sendImport(dev.pagewire.v1.SendImportRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getSendImportMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Prints to the console of the selected pages. Needs no session. Reports and fails as Send does.
     * </pre>
     */
    public dev.pagewire.v1.SendConsoleLogResponse sendConsoleLog(dev.pagewire.v1.SendConsoleLogRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getSendConsoleLogMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Built-in page operations (reload, navigate, swap stylesheets). Needs no session. Reports and
     * fails as Send does.
     * </pre>
     */
    public dev.pagewire.v1.SendCommandResponse sendCommand(dev.pagewire.v1.SendCommandRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getSendCommandMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * One ordered, resumable event stream: messages, console, errors, socket lifecycle, files. A
     * subscriber gets every matching event, or a Gap with exact bounds, or an error; silence is not
     * offered. Needs no session. Fails with INVALID_ARGUMENT/FIELD_INVALID,
     * OUT_OF_RANGE/POSITION_EVICTED or EPOCH_CHANGED (strict_resume); ends with
     * RESOURCE_EXHAUSTED/SUBSCRIBER_SLOW (OVERFLOW_POLICY_DISCONNECT).
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, dev.pagewire.v1.SubscribeMessagesResponse>
        subscribeMessages(dev.pagewire.v1.SubscribeMessagesRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getSubscribeMessagesMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Connected sockets with metadata, plus the position to subscribe from. Paged. Needs no session.
     * INVALID_ARGUMENT/FIELD_INVALID for a bad regex, page size or page token.
     * </pre>
     */
    public dev.pagewire.v1.ListSocketsResponse listSockets(dev.pagewire.v1.ListSocketsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListSocketsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Closes sockets with a WebSocket close code. Needs no session. INVALID_ARGUMENT/FIELD_INVALID
     * for an unset target, or a code or reason that cannot be sent.
     * </pre>
     */
    public dev.pagewire.v1.CloseSocketsResponse closeSockets(dev.pagewire.v1.CloseSocketsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCloseSocketsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Version, features and limits. Callable without a session.
     * </pre>
     */
    public dev.pagewire.v1.GetServerInfoResponse getServerInfo(dev.pagewire.v1.GetServerInfoRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetServerInfoMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Plugins in resolved hook order, with state and counters. Paged. Needs no session.
     * </pre>
     */
    public dev.pagewire.v1.ListPluginsResponse listPlugins(dev.pagewire.v1.ListPluginsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListPluginsMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service ControlService.
   * <pre>
   * Everything a program can do with a running daemon. A plugin may call any RPC from inside a hook;
   * waiting in a hook for a page whose load depends on that very hook ends only by deadline. Only
   * Serve, Transform and ResolveImport need a session.
   * </pre>
   */
  public static final class ControlServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<ControlServiceBlockingStub> {
    private ControlServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected ControlServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new ControlServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Opens a plugin SESSION and is the server-start hook: first message = ServerStarted, which
     * carries the connected sockets. The session lives exactly as long as this stream, so a client
     * holds and reads it; when it ends, everything the plugin had ends in one step, visibly
     * everywhere before its name can be taken. Ends OK when the daemon stops, ABORTED/REPLACED when
     * another session takes the name over, ABORTED/SESSION_CLOSED when the session was ended. Fails
     * with ALREADY_EXISTS/PLUGIN_NAME_TAKEN, FAILED_PRECONDITION/FEATURE_UNSUPPORTED,
     * INVALID_ARGUMENT/FIELD_INVALID or RESOURCE_EXHAUSTED/LIMIT_REACHED.
     * </pre>
     */
    public java.util.Iterator<dev.pagewire.v1.ServerStartResponse> serverStart(
        dev.pagewire.v1.ServerStartRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getServerStartMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Ends a session, and returns when everything it had is gone: no request that comes later is held
     * by it, and its name is free. Its ServerStart and hook streams end with ABORTED/SESSION_CLOSED;
     * calls under way fail as if the plugin had left. To let them finish, half-close the hook streams
     * and wait for their end first. FAILED_PRECONDITION/SESSION_GONE when there is no such session.
     * </pre>
     */
    public dev.pagewire.v1.EndSessionResponse endSession(dev.pagewire.v1.EndSessionRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getEndSessionMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Forgets remembered and cached results. Results of calls that began before this RPC returned are
     * never remembered. Needs no session. INVALID_ARGUMENT/FIELD_INVALID when nothing is named.
     * </pre>
     */
    public dev.pagewire.v1.InvalidateResponse invalidate(dev.pagewire.v1.InvalidateRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getInvalidateMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Sends one message to the selected sockets, or answers a page's request. Frames of successive
     * completed RPCs reach one socket in RPC order, each at most once. Needs no session. Unknown,
     * closed and slow sockets, and nobody connected, are OK with rows. Bad input is
     * INVALID_ARGUMENT/FIELD_INVALID; answering fails with NOT_FOUND/REQUEST_NOT_FOUND or
     * FAILED_PRECONDITION/ALREADY_ANSWERED or REQUEST_EXPIRED.
     * </pre>
     */
    public dev.pagewire.v1.SendResponse send(dev.pagewire.v1.SendRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getSendMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Has pages import() a module and call its default export; can return what it returned. Needs no
     * session. An exception, a page that never answers or nobody connected are OK with rows; a
     * fan-out that runs out of time is OK with TIMED_OUT rows. Bad input is
     * INVALID_ARGUMENT/FIELD_INVALID.
     * </pre>
     */
    public dev.pagewire.v1.SendImportResponse sendImport(dev.pagewire.v1.SendImportRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getSendImportMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Prints to the console of the selected pages. Needs no session. Reports and fails as Send does.
     * </pre>
     */
    public dev.pagewire.v1.SendConsoleLogResponse sendConsoleLog(dev.pagewire.v1.SendConsoleLogRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getSendConsoleLogMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Built-in page operations (reload, navigate, swap stylesheets). Needs no session. Reports and
     * fails as Send does.
     * </pre>
     */
    public dev.pagewire.v1.SendCommandResponse sendCommand(dev.pagewire.v1.SendCommandRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getSendCommandMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * One ordered, resumable event stream: messages, console, errors, socket lifecycle, files. A
     * subscriber gets every matching event, or a Gap with exact bounds, or an error; silence is not
     * offered. Needs no session. Fails with INVALID_ARGUMENT/FIELD_INVALID,
     * OUT_OF_RANGE/POSITION_EVICTED or EPOCH_CHANGED (strict_resume); ends with
     * RESOURCE_EXHAUSTED/SUBSCRIBER_SLOW (OVERFLOW_POLICY_DISCONNECT).
     * </pre>
     */
    public java.util.Iterator<dev.pagewire.v1.SubscribeMessagesResponse> subscribeMessages(
        dev.pagewire.v1.SubscribeMessagesRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getSubscribeMessagesMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Connected sockets with metadata, plus the position to subscribe from. Paged. Needs no session.
     * INVALID_ARGUMENT/FIELD_INVALID for a bad regex, page size or page token.
     * </pre>
     */
    public dev.pagewire.v1.ListSocketsResponse listSockets(dev.pagewire.v1.ListSocketsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListSocketsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Closes sockets with a WebSocket close code. Needs no session. INVALID_ARGUMENT/FIELD_INVALID
     * for an unset target, or a code or reason that cannot be sent.
     * </pre>
     */
    public dev.pagewire.v1.CloseSocketsResponse closeSockets(dev.pagewire.v1.CloseSocketsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCloseSocketsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Version, features and limits. Callable without a session.
     * </pre>
     */
    public dev.pagewire.v1.GetServerInfoResponse getServerInfo(dev.pagewire.v1.GetServerInfoRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetServerInfoMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Plugins in resolved hook order, with state and counters. Paged. Needs no session.
     * </pre>
     */
    public dev.pagewire.v1.ListPluginsResponse listPlugins(dev.pagewire.v1.ListPluginsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListPluginsMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service ControlService.
   * <pre>
   * Everything a program can do with a running daemon. A plugin may call any RPC from inside a hook;
   * waiting in a hook for a page whose load depends on that very hook ends only by deadline. Only
   * Serve, Transform and ResolveImport need a session.
   * </pre>
   */
  public static final class ControlServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<ControlServiceFutureStub> {
    private ControlServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected ControlServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new ControlServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Ends a session, and returns when everything it had is gone: no request that comes later is held
     * by it, and its name is free. Its ServerStart and hook streams end with ABORTED/SESSION_CLOSED;
     * calls under way fail as if the plugin had left. To let them finish, half-close the hook streams
     * and wait for their end first. FAILED_PRECONDITION/SESSION_GONE when there is no such session.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.pagewire.v1.EndSessionResponse> endSession(
        dev.pagewire.v1.EndSessionRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getEndSessionMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Forgets remembered and cached results. Results of calls that began before this RPC returned are
     * never remembered. Needs no session. INVALID_ARGUMENT/FIELD_INVALID when nothing is named.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.pagewire.v1.InvalidateResponse> invalidate(
        dev.pagewire.v1.InvalidateRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getInvalidateMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Sends one message to the selected sockets, or answers a page's request. Frames of successive
     * completed RPCs reach one socket in RPC order, each at most once. Needs no session. Unknown,
     * closed and slow sockets, and nobody connected, are OK with rows. Bad input is
     * INVALID_ARGUMENT/FIELD_INVALID; answering fails with NOT_FOUND/REQUEST_NOT_FOUND or
     * FAILED_PRECONDITION/ALREADY_ANSWERED or REQUEST_EXPIRED.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.pagewire.v1.SendResponse> send(
        dev.pagewire.v1.SendRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getSendMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Has pages import() a module and call its default export; can return what it returned. Needs no
     * session. An exception, a page that never answers or nobody connected are OK with rows; a
     * fan-out that runs out of time is OK with TIMED_OUT rows. Bad input is
     * INVALID_ARGUMENT/FIELD_INVALID.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.pagewire.v1.SendImportResponse> sendImport(
        dev.pagewire.v1.SendImportRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getSendImportMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Prints to the console of the selected pages. Needs no session. Reports and fails as Send does.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.pagewire.v1.SendConsoleLogResponse> sendConsoleLog(
        dev.pagewire.v1.SendConsoleLogRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getSendConsoleLogMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Built-in page operations (reload, navigate, swap stylesheets). Needs no session. Reports and
     * fails as Send does.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.pagewire.v1.SendCommandResponse> sendCommand(
        dev.pagewire.v1.SendCommandRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getSendCommandMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Connected sockets with metadata, plus the position to subscribe from. Paged. Needs no session.
     * INVALID_ARGUMENT/FIELD_INVALID for a bad regex, page size or page token.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.pagewire.v1.ListSocketsResponse> listSockets(
        dev.pagewire.v1.ListSocketsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListSocketsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Closes sockets with a WebSocket close code. Needs no session. INVALID_ARGUMENT/FIELD_INVALID
     * for an unset target, or a code or reason that cannot be sent.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.pagewire.v1.CloseSocketsResponse> closeSockets(
        dev.pagewire.v1.CloseSocketsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCloseSocketsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Version, features and limits. Callable without a session.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.pagewire.v1.GetServerInfoResponse> getServerInfo(
        dev.pagewire.v1.GetServerInfoRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetServerInfoMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Plugins in resolved hook order, with state and counters. Paged. Needs no session.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.pagewire.v1.ListPluginsResponse> listPlugins(
        dev.pagewire.v1.ListPluginsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListPluginsMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_SERVER_START = 0;
  private static final int METHODID_END_SESSION = 1;
  private static final int METHODID_INVALIDATE = 2;
  private static final int METHODID_SEND = 3;
  private static final int METHODID_SEND_IMPORT = 4;
  private static final int METHODID_SEND_CONSOLE_LOG = 5;
  private static final int METHODID_SEND_COMMAND = 6;
  private static final int METHODID_SUBSCRIBE_MESSAGES = 7;
  private static final int METHODID_LIST_SOCKETS = 8;
  private static final int METHODID_CLOSE_SOCKETS = 9;
  private static final int METHODID_GET_SERVER_INFO = 10;
  private static final int METHODID_LIST_PLUGINS = 11;
  private static final int METHODID_SERVE = 12;
  private static final int METHODID_TRANSFORM = 13;
  private static final int METHODID_RESOLVE_IMPORT = 14;
  private static final int METHODID_SEND_STREAM = 15;

  private static final class MethodHandlers<Req, Resp> implements
      io.grpc.stub.ServerCalls.UnaryMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ServerStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ClientStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.BidiStreamingMethod<Req, Resp> {
    private final AsyncService serviceImpl;
    private final int methodId;

    MethodHandlers(AsyncService serviceImpl, int methodId) {
      this.serviceImpl = serviceImpl;
      this.methodId = methodId;
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public void invoke(Req request, io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_SERVER_START:
          serviceImpl.serverStart((dev.pagewire.v1.ServerStartRequest) request,
              (io.grpc.stub.StreamObserver<dev.pagewire.v1.ServerStartResponse>) responseObserver);
          break;
        case METHODID_END_SESSION:
          serviceImpl.endSession((dev.pagewire.v1.EndSessionRequest) request,
              (io.grpc.stub.StreamObserver<dev.pagewire.v1.EndSessionResponse>) responseObserver);
          break;
        case METHODID_INVALIDATE:
          serviceImpl.invalidate((dev.pagewire.v1.InvalidateRequest) request,
              (io.grpc.stub.StreamObserver<dev.pagewire.v1.InvalidateResponse>) responseObserver);
          break;
        case METHODID_SEND:
          serviceImpl.send((dev.pagewire.v1.SendRequest) request,
              (io.grpc.stub.StreamObserver<dev.pagewire.v1.SendResponse>) responseObserver);
          break;
        case METHODID_SEND_IMPORT:
          serviceImpl.sendImport((dev.pagewire.v1.SendImportRequest) request,
              (io.grpc.stub.StreamObserver<dev.pagewire.v1.SendImportResponse>) responseObserver);
          break;
        case METHODID_SEND_CONSOLE_LOG:
          serviceImpl.sendConsoleLog((dev.pagewire.v1.SendConsoleLogRequest) request,
              (io.grpc.stub.StreamObserver<dev.pagewire.v1.SendConsoleLogResponse>) responseObserver);
          break;
        case METHODID_SEND_COMMAND:
          serviceImpl.sendCommand((dev.pagewire.v1.SendCommandRequest) request,
              (io.grpc.stub.StreamObserver<dev.pagewire.v1.SendCommandResponse>) responseObserver);
          break;
        case METHODID_SUBSCRIBE_MESSAGES:
          serviceImpl.subscribeMessages((dev.pagewire.v1.SubscribeMessagesRequest) request,
              (io.grpc.stub.StreamObserver<dev.pagewire.v1.SubscribeMessagesResponse>) responseObserver);
          break;
        case METHODID_LIST_SOCKETS:
          serviceImpl.listSockets((dev.pagewire.v1.ListSocketsRequest) request,
              (io.grpc.stub.StreamObserver<dev.pagewire.v1.ListSocketsResponse>) responseObserver);
          break;
        case METHODID_CLOSE_SOCKETS:
          serviceImpl.closeSockets((dev.pagewire.v1.CloseSocketsRequest) request,
              (io.grpc.stub.StreamObserver<dev.pagewire.v1.CloseSocketsResponse>) responseObserver);
          break;
        case METHODID_GET_SERVER_INFO:
          serviceImpl.getServerInfo((dev.pagewire.v1.GetServerInfoRequest) request,
              (io.grpc.stub.StreamObserver<dev.pagewire.v1.GetServerInfoResponse>) responseObserver);
          break;
        case METHODID_LIST_PLUGINS:
          serviceImpl.listPlugins((dev.pagewire.v1.ListPluginsRequest) request,
              (io.grpc.stub.StreamObserver<dev.pagewire.v1.ListPluginsResponse>) responseObserver);
          break;
        default:
          throw new AssertionError();
      }
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public io.grpc.stub.StreamObserver<Req> invoke(
        io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_SERVE:
          return (io.grpc.stub.StreamObserver<Req>) serviceImpl.serve(
              (io.grpc.stub.StreamObserver<dev.pagewire.v1.ServeResponse>) responseObserver);
        case METHODID_TRANSFORM:
          return (io.grpc.stub.StreamObserver<Req>) serviceImpl.transform(
              (io.grpc.stub.StreamObserver<dev.pagewire.v1.TransformResponse>) responseObserver);
        case METHODID_RESOLVE_IMPORT:
          return (io.grpc.stub.StreamObserver<Req>) serviceImpl.resolveImport(
              (io.grpc.stub.StreamObserver<dev.pagewire.v1.ResolveImportResponse>) responseObserver);
        case METHODID_SEND_STREAM:
          return (io.grpc.stub.StreamObserver<Req>) serviceImpl.sendStream(
              (io.grpc.stub.StreamObserver<dev.pagewire.v1.SendStreamResponse>) responseObserver);
        default:
          throw new AssertionError();
      }
    }
  }

  public static final io.grpc.ServerServiceDefinition bindService(AsyncService service) {
    return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
        .addMethod(
          getServerStartMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              dev.pagewire.v1.ServerStartRequest,
              dev.pagewire.v1.ServerStartResponse>(
                service, METHODID_SERVER_START)))
        .addMethod(
          getEndSessionMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.pagewire.v1.EndSessionRequest,
              dev.pagewire.v1.EndSessionResponse>(
                service, METHODID_END_SESSION)))
        .addMethod(
          getServeMethod(),
          io.grpc.stub.ServerCalls.asyncBidiStreamingCall(
            new MethodHandlers<
              dev.pagewire.v1.ServeRequest,
              dev.pagewire.v1.ServeResponse>(
                service, METHODID_SERVE)))
        .addMethod(
          getTransformMethod(),
          io.grpc.stub.ServerCalls.asyncBidiStreamingCall(
            new MethodHandlers<
              dev.pagewire.v1.TransformRequest,
              dev.pagewire.v1.TransformResponse>(
                service, METHODID_TRANSFORM)))
        .addMethod(
          getResolveImportMethod(),
          io.grpc.stub.ServerCalls.asyncBidiStreamingCall(
            new MethodHandlers<
              dev.pagewire.v1.ResolveImportRequest,
              dev.pagewire.v1.ResolveImportResponse>(
                service, METHODID_RESOLVE_IMPORT)))
        .addMethod(
          getInvalidateMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.pagewire.v1.InvalidateRequest,
              dev.pagewire.v1.InvalidateResponse>(
                service, METHODID_INVALIDATE)))
        .addMethod(
          getSendMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.pagewire.v1.SendRequest,
              dev.pagewire.v1.SendResponse>(
                service, METHODID_SEND)))
        .addMethod(
          getSendStreamMethod(),
          io.grpc.stub.ServerCalls.asyncBidiStreamingCall(
            new MethodHandlers<
              dev.pagewire.v1.SendStreamRequest,
              dev.pagewire.v1.SendStreamResponse>(
                service, METHODID_SEND_STREAM)))
        .addMethod(
          getSendImportMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.pagewire.v1.SendImportRequest,
              dev.pagewire.v1.SendImportResponse>(
                service, METHODID_SEND_IMPORT)))
        .addMethod(
          getSendConsoleLogMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.pagewire.v1.SendConsoleLogRequest,
              dev.pagewire.v1.SendConsoleLogResponse>(
                service, METHODID_SEND_CONSOLE_LOG)))
        .addMethod(
          getSendCommandMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.pagewire.v1.SendCommandRequest,
              dev.pagewire.v1.SendCommandResponse>(
                service, METHODID_SEND_COMMAND)))
        .addMethod(
          getSubscribeMessagesMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              dev.pagewire.v1.SubscribeMessagesRequest,
              dev.pagewire.v1.SubscribeMessagesResponse>(
                service, METHODID_SUBSCRIBE_MESSAGES)))
        .addMethod(
          getListSocketsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.pagewire.v1.ListSocketsRequest,
              dev.pagewire.v1.ListSocketsResponse>(
                service, METHODID_LIST_SOCKETS)))
        .addMethod(
          getCloseSocketsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.pagewire.v1.CloseSocketsRequest,
              dev.pagewire.v1.CloseSocketsResponse>(
                service, METHODID_CLOSE_SOCKETS)))
        .addMethod(
          getGetServerInfoMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.pagewire.v1.GetServerInfoRequest,
              dev.pagewire.v1.GetServerInfoResponse>(
                service, METHODID_GET_SERVER_INFO)))
        .addMethod(
          getListPluginsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.pagewire.v1.ListPluginsRequest,
              dev.pagewire.v1.ListPluginsResponse>(
                service, METHODID_LIST_PLUGINS)))
        .build();
  }

  private static abstract class ControlServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    ControlServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return dev.pagewire.v1.Control.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("ControlService");
    }
  }

  private static final class ControlServiceFileDescriptorSupplier
      extends ControlServiceBaseDescriptorSupplier {
    ControlServiceFileDescriptorSupplier() {}
  }

  private static final class ControlServiceMethodDescriptorSupplier
      extends ControlServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    ControlServiceMethodDescriptorSupplier(java.lang.String methodName) {
      this.methodName = methodName;
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.MethodDescriptor getMethodDescriptor() {
      return getServiceDescriptor().findMethodByName(methodName);
    }
  }

  private static volatile io.grpc.ServiceDescriptor serviceDescriptor;

  public static io.grpc.ServiceDescriptor getServiceDescriptor() {
    io.grpc.ServiceDescriptor result = serviceDescriptor;
    if (result == null) {
      synchronized (ControlServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new ControlServiceFileDescriptorSupplier())
              .addMethod(getServerStartMethod())
              .addMethod(getEndSessionMethod())
              .addMethod(getServeMethod())
              .addMethod(getTransformMethod())
              .addMethod(getResolveImportMethod())
              .addMethod(getInvalidateMethod())
              .addMethod(getSendMethod())
              .addMethod(getSendStreamMethod())
              .addMethod(getSendImportMethod())
              .addMethod(getSendConsoleLogMethod())
              .addMethod(getSendCommandMethod())
              .addMethod(getSubscribeMessagesMethod())
              .addMethod(getListSocketsMethod())
              .addMethod(getCloseSocketsMethod())
              .addMethod(getGetServerInfoMethod())
              .addMethod(getListPluginsMethod())
              .build();
        }
      }
    }
    return result;
  }
}
