using System.Globalization;
using Google.Protobuf;
using Slipway.Onnx.Serialization.Protobuf;

namespace Slipway.Onnx.Serialization;

/// <summary>Turns plain graph objects into protobuf messages.</summary>
internal static class ProtobufWriter
{
    public static ModelProto Convert(OnnxModel model) => new()
    {
        IrVersion = model.IrVersion,
        ProducerName = model.ProducerName ?? "",
        ProducerVersion = model.ProducerVersion ?? "",
        Graph = Convert(model.Graph),
        OpsetImport =
        {
            model.OperatorSets.Select(set => new OperatorSetIdProto { Domain = set.Key, Version = set.Value }),
        },
    };

    private static GraphProto Convert(Graph graph) => new()
    {
        Name = graph.Name,
        Node = { graph.Nodes.Select(Convert) },
        Initializer = { graph.Initializers.Select(Convert) },
        Input = { graph.Inputs.Select(Convert) },
        Output = { graph.Outputs.Select(Convert) },
    };

    private static NodeProto Convert(Node node)
    {
        NodeProto proto = new()
        {
            Name = node.Name,
            OpType = node.OpType,
            Input = { node.Inputs },
            Output = { node.Outputs },
            Attribute = { node.Attributes.Select(Convert) },
        };
        if (node.Domain.Length > 0)
        {
            proto.Domain = node.Domain;
        }

        return proto;
    }

    private static AttributeProto Convert(NodeAttribute attribute)
    {
        AttributeProto proto = new() { Name = attribute.Name };
        switch (attribute)
        {
            case NodeAttribute.Float number:
                (proto.Type, proto.F) = (AttributeKind.Float, number.Value);
                break;
            case NodeAttribute.Int integer:
                (proto.Type, proto.I) = (AttributeKind.Int, integer.Value);
                break;
            case NodeAttribute.Text text:
                (proto.Type, proto.S) = (AttributeKind.Text, ByteString.CopyFromUtf8(text.Value));
                break;
            case NodeAttribute.Floats numbers:
                proto.Type = AttributeKind.Floats;
                proto.Floats.AddRange(numbers.Values);
                break;
            case NodeAttribute.Ints integers:
                proto.Type = AttributeKind.Ints;
                proto.Ints.AddRange(integers.Values);
                break;
            case NodeAttribute.Texts texts:
                proto.Type = AttributeKind.Texts;
                proto.Strings.AddRange(texts.Values.Select(ByteString.CopyFromUtf8));
                break;
            default:
                throw new NotSupportedException(
                    $"The attribute '{attribute.Name}' holds a tensor or a graph, which cannot be written.");
        }

        return proto;
    }

    private static TensorProto Convert(Initializer initializer)
    {
        TensorProto proto = new()
        {
            Name = initializer.Name,
            DataType = (int)initializer.Type,
            Dims = { initializer.Shape },
        };
        switch (initializer.Data)
        {
            case TensorData.Inline inline:
                proto.RawData = ByteString.CopyFrom(inline.Bytes.Span);
                break;
            case TensorData.External external:
                proto.DataLocation = 1;
                proto.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = external.File });
                proto.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = Text(external.Offset) });
                proto.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = Text(external.Count) });
                break;
        }

        return proto;
    }

    private static ValueInfoProto Convert(GraphPort port)
    {
        TensorShapeProto shape = new();
        foreach (var dimension in port.Shape)
        {
            TensorShapeProto.Types.Dimension proto = new();
            if (dimension.Size is { } size)
            {
                proto.DimValue = size;
            }
            else if (dimension.Name is { } name)
            {
                proto.DimParam = name;
            }

            shape.Dim.Add(proto);
        }

        return new ValueInfoProto
        {
            Name = port.Name,

            // Without a type, runtimes infer it and the shape.
            Type = port.Type == ElementType.Undefined ? null : new TypeProto
            {
                TensorType = new TypeProto.Types.Tensor { ElemType = (int)port.Type, Shape = shape },
            },
        };
    }

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
