using System.Globalization;
using Slipway.Onnx.Serialization.Protobuf;

namespace Slipway.Onnx.Serialization;

/// <summary>Turns protobuf messages into plain graph objects.</summary>
internal static class ProtobufReader
{
    public static OnnxModel Convert(ModelProto model, string path)
    {
        if (model.Graph is null)
        {
            throw new OnnxException(
                path, $"'{path}' holds no graph, so it is not an ONNX model. Fetch or export it again.");
        }

        try
        {
            Dictionary<string, long> sets = new(StringComparer.Ordinal);
            foreach (var set in model.OpsetImport)
            {
                sets[set.Domain is "ai.onnx" ? OnnxModel.StandardDomain : set.Domain] = set.Version;
            }

            return new OnnxModel(Convert(model.Graph, path))
            {
                IrVersion = model.IrVersion,
                ProducerName = model.ProducerName,
                ProducerVersion = model.ProducerVersion,
                OperatorSets = sets,
            };
        }
        catch (ArgumentException exception)
        {
            throw new OnnxException(
                path, $"The graph of '{path}' contradicts itself: {exception.Message} Fetch or export it again.",
                exception);
        }
    }

    private static Graph Convert(GraphProto proto, string path)
    {
        Graph graph = new(proto.Name.Length > 0 ? proto.Name : "graph");
        Dictionary<string, ValueInfoProto> optional = new(StringComparer.Ordinal);
        HashSet<string> constants = [.. proto.Initializer.Select(initializer => initializer.Name)];
        foreach (var input in proto.Input)
        {
            if (constants.Contains(input.Name))
            {
                optional[input.Name] = input;
            }
            else
            {
                var port = Convert(input);
                graph.AddInput(port.Name, port.Type, port.Shape);
            }
        }

        foreach (var tensor in proto.Initializer)
        {
            var initializer = Convert(tensor, path);
            if (optional.TryGetValue(tensor.Name, out var input))
            {
                // An input may have other sizes than the value that it has by default.
                graph.AddOptionalInput(initializer, Convert(input).Shape);
            }
            else
            {
                graph.AddInitializer(initializer);
            }
        }

        foreach (var node in proto.Node)
        {
            var name = node.Name.Length > 0 ? node.Name : graph.FreeNodeName($"/{node.OpType}");
            var domain = node.Domain is "ai.onnx" ? OnnxModel.StandardDomain : node.Domain;
            graph.AddNode(new Node(
                name, domain, node.OpType, [.. node.Input], [.. node.Output], [.. node.Attribute.Select(Convert)]));
        }

        foreach (var output in proto.Output)
        {
            var port = Convert(output);
            graph.AddOutput(new GraphValue(port.Name), port.Type, port.Shape);
        }

        return graph;
    }

    private static NodeAttribute Convert(AttributeProto attribute) => attribute.Type switch
    {
        AttributeKind.Float => new NodeAttribute.Float(attribute.Name, attribute.F),
        AttributeKind.Int => new NodeAttribute.Int(attribute.Name, attribute.I),
        AttributeKind.Text => new NodeAttribute.Text(attribute.Name, attribute.S.ToStringUtf8()),
        AttributeKind.Floats => new NodeAttribute.Floats(attribute.Name, [.. attribute.Floats]),
        AttributeKind.Ints => new NodeAttribute.Ints(attribute.Name, [.. attribute.Ints]),
        AttributeKind.Texts => new NodeAttribute.Texts(
            attribute.Name, [.. attribute.Strings.Select(text => text.ToStringUtf8())]),
        _ => new NodeAttribute.Unread(attribute.Name, attribute.Type),
    };

    private static Initializer Convert(TensorProto tensor, string path)
    {
        TensorData data = new TensorData.Inline(tensor.RawData.Memory);
        if (tensor.DataLocation == 1)
        {
            Dictionary<string, string> entries = new(StringComparer.Ordinal);
            foreach (var entry in tensor.ExternalData)
            {
                entries[entry.Key] = entry.Value;
            }

            data = new TensorData.External(
                entries.GetValueOrDefault("location") ?? "", Number("offset"), Number("length"));
            long Number(string key) =>
                !entries.TryGetValue(key, out var text) ? 0
                : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
                : throw new OnnxException(
                    path, $"Tensor '{tensor.Name}' of '{path}' has the {key} '{text}'; expected a number of bytes. "
                    + "Fetch or export the file again.");
        }

        return new Initializer(tensor.Name, (ElementType)tensor.DataType, [.. tensor.Dims], data);
    }

    private static GraphPort Convert(ValueInfoProto info)
    {
        var tensor = info.Type?.TensorType;
        IEnumerable<TensorShapeProto.Types.Dimension> dimensions = tensor?.Shape?.Dim ?? [];
        return new GraphPort(
            info.Name,
            (ElementType)(tensor?.ElemType ?? 0),
            [.. dimensions.Select(dimension => dimension.HasDimValue
                ? (Dimension)dimension.DimValue : dimension.DimParam)]);
    }
}
