using System.Reflection;
using Slipway.Onnx;
using TorchSharp;
using static Slipway.Tracing.Operations.Rows;

namespace Slipway.Tracing.Operations;

/// <summary>LSTM, GRU and plain recurrent networks, and their cells.</summary>
/// <remarks>
/// torch's gates of an LSTM are input, forget, cell, output, those of ONNX input, output, forget, cell; torch's of a
/// GRU reset, update, new, those of ONNX update, reset, hidden. Layers and directions are read from the weights' names.
/// </remarks>
internal static class RecurrentOperations
{
    private static readonly int[] LstmGates = [0, 3, 1, 2];
    private static readonly int[] GruGates = [1, 0, 2];
    private static readonly int[] OneGate = [0];

    public static IEnumerable<Operation> All =>
    [
        Several("LSTM.forward", call => Network(call, "LSTM", LstmGates)),
        Several("GRU.forward", call => Network(call, "GRU", GruGates)),
        Several("RNN.forward", call => Network(call, "RNN", OneGate)),
        Several("LSTMCell.forward", call => Cell(call, "LSTM", LstmGates)),
        Several("GRUCell.forward", call => Cell(call, "GRU", GruGates)),
        Several("RNNCell.forward", call => Cell(call, "RNN", OneGate)),
        .. Refused(
            "Packed sequences have lengths that depend on data. Pass padded rows, and mask the outputs.",
            "LSTM.call", "GRU.call", "RNN.call", "rnn.pack_padded_sequence", "rnn.pad_packed_sequence",
            "rnn.pack_sequence", "rnn.pad_sequence"),
    ];

    private static IReadOnlyList<GraphValue> Network(OperationCall call, string operation, int[] gates)
    {
        var module = (torch.nn.Module)call.Object!;
        var weights = module.named_parameters().ToDictionary(
            item => item.name, item => (torch.Tensor)item.parameter, StringComparer.Ordinal);
        var layers = weights.Keys.Count(name => name.StartsWith("weight_ih_l", StringComparison.Ordinal)
            && !name.EndsWith("_reverse", StringComparison.Ordinal));
        var directions = weights.ContainsKey("weight_ih_l0_reverse") ? 2 : 1;
        var hidden = weights["weight_hh_l0"].shape[1];
        var x = call.Tensor("input");
        if (x.Rank != 3)
        {
            throw new NotSupportedException("It takes [batch, sequence, features] or [sequence, batch, features].");
        }

        var batchFirst = IsBatchFirst(module);
        var value = batchFirst ? ShapeOperations.Swap(call, x.Value, 3, 0, 1) : x.Value;
        var batch = x.Shape[batchFirst ? 0 : 1];
        var states = InitialStates(call, operation);
        List<GraphValue> lastHidden = [], lastCell = [];
        for (var layer = 0; layer < layers; layer++)
        {
            var results = Layer(
                call, operation, gates, value, layer, directions, hidden, batch, states, weights, module);

            // [sequence, directions, batch, hidden] → [sequence, batch, directions · hidden]
            value = call.Node("Transpose", [results[0]], new NodeAttribute.Ints("perm", [0, 2, 1, 3]));
            value = call.Node("Reshape", [value, call.Ints(0, 0, directions * hidden)]);
            lastHidden.Add(results[1]);
            lastCell.Add(results[^1]);
        }

        var output = batchFirst ? ShapeOperations.Swap(call, value, 3, 0, 1) : value;
        return operation == "LSTM"
            ? [output, Joined(call, lastHidden), Joined(call, lastCell)] : [output, Joined(call, lastHidden)];
    }

    private static IReadOnlyList<GraphValue> Layer(
        OperationCall call, string operation, int[] gates, GraphValue x, int layer, int directions, long hidden,
        TracedSize batch, IReadOnlyList<GraphValue> states, Dictionary<string, torch.Tensor> weights,
        torch.nn.Module module)
    {
        GraphValue Matrix(string kind) => call.Node("Concat", [
            .. Enumerable.Range(0, directions).Select(direction => call.Builder.Weight(
                weights[Name(kind, layer, direction)], ".onnx", tensor => Reorder(tensor, gates).unsqueeze(0)))],
            new NodeAttribute.Int("axis", 0));
        List<GraphValue> inputs = [x, Matrix("weight_ih"), Matrix("weight_hh")];
        inputs.Add(weights.ContainsKey("bias_ih_l0")
            ? call.Node("Concat", [.. Enumerable.Range(0, directions).Select(direction => call.Node("Concat", [
                call.Builder.Weight(weights[Name("bias_ih", layer, direction)], ".onnx",
                    tensor => Reorder(tensor, gates).unsqueeze(0)),
                call.Builder.Weight(weights[Name("bias_hh", layer, direction)], ".onnx",
                    tensor => Reorder(tensor, gates).unsqueeze(0))], new NodeAttribute.Int("axis", 1)))],
                new NodeAttribute.Int("axis", 0))
            : default);
        inputs.Add(default);
        foreach (var state in states)
        {
            inputs.Add(ShapeOperations.Slice(
                call, state, call.Ints(layer * directions), call.Ints((layer + 1) * directions), 0));
        }

        List<NodeAttribute> attributes =
        [
            new NodeAttribute.Int("hidden_size", hidden),
            new NodeAttribute.Text("direction", directions == 2 ? "bidirectional" : "forward"),
        ];
        if (operation == "GRU")
        {
            attributes.Add(new NodeAttribute.Int("linear_before_reset", 1));
        }
        else if (operation == "RNN")
        {
            attributes.Add(new NodeAttribute.Texts(
                "activations", [.. Enumerable.Repeat(Nonlinearity(module), directions)]));
        }

        return call.Nodes(operation, inputs, operation == "LSTM" ? 3 : 2, attributes);
    }

    // One step is a sequence of one: [batch, features] → [1, batch, features]
    private static IReadOnlyList<GraphValue> Cell(OperationCall call, string operation, int[] gates)
    {
        var module = (torch.nn.Module)call.Object!;
        var weights = module.named_parameters().ToDictionary(
            item => item.name, item => (torch.Tensor)item.parameter, StringComparer.Ordinal);
        var x = call.Tensor("input");
        if (x.Rank != 2)
        {
            throw new NotSupportedException("A cell takes [batch, features]. Add the batch axis.");
        }

        GraphValue Matrix(string name) => call.Builder.Weight(
            weights[name], ".onnx", tensor => Reorder(tensor, gates).unsqueeze(0));
        List<GraphValue> inputs =
        [
            call.Node("Unsqueeze", [x.Value, call.Ints(0)]), Matrix("weight_ih"), Matrix("weight_hh"),
            weights.ContainsKey("bias_ih")
                ? call.Node("Concat", [Matrix("bias_ih"), Matrix("bias_hh")], new NodeAttribute.Int("axis", 1))
                : default,
            default,
        ];
        inputs.AddRange(InitialStates(call, operation).Select(state => call.Node("Unsqueeze", [state, call.Ints(0)])));
        List<NodeAttribute> attributes = [new NodeAttribute.Int("hidden_size", weights["weight_hh"].shape[1])];
        if (operation == "GRU")
        {
            attributes.Add(new NodeAttribute.Int("linear_before_reset", 1));
        }
        else if (operation == "RNN")
        {
            attributes.Add(new NodeAttribute.Texts("activations", [Nonlinearity(module)]));
        }

        var results = call.Nodes(operation, inputs, operation == "LSTM" ? 3 : 2, attributes);
        return [.. results.Skip(1).Select(result => call.Node("Squeeze", [result, call.Ints(0)]))];
    }

    private static IReadOnlyList<GraphValue> InitialStates(OperationCall call, string operation)
        => operation == "LSTM"
            ? [.. call.Tensors("h0_c0").Select(state => state.Value)]
            : call.FindTensor("h0") is { } hidden ? [hidden.Value] : [];

    private static GraphValue Joined(OperationCall call, List<GraphValue> states)
        => states.Count == 1 ? states[0] : call.Node("Concat", states, new NodeAttribute.Int("axis", 0));

    private static string Name(string kind, int layer, int direction)
        => $"{kind}_l{layer}{(direction == 1 ? "_reverse" : "")}";

    private static torch.Tensor Reorder(torch.Tensor tensor, int[] gates)
        => gates.Length == 1 ? tensor.clone() : torch.cat([.. gates.Select(gate => tensor.chunk(gates.Length)[gate])]);

    private static bool IsBatchFirst(torch.nn.Module module)
        => module.GetType().GetField("_batch_first", BindingFlags.Instance | BindingFlags.NonPublic)
            ?.GetValue(module) is bool batchFirst ? batchFirst : throw new NotSupportedException(
                $"'{module.GetType().Name}' does not tell its order of axes. Write the recurrence out in 'forward'.");

    // tanh gives negative numbers for one of x and −x, ReLU for neither.
    private static string Nonlinearity(torch.nn.Module module)
    {
        using var scope = torch.NewDisposeScope();
        var weight = module.named_parameters().First(item => item.name.StartsWith(
            "weight_ih", StringComparison.Ordinal)).parameter;
        using var generator = new torch.Generator(1);
        var x = torch.randn([1, 8, weight.shape[1]], torch.ScalarType.Float32, generator: generator)
            .to(weight.dtype).to(weight.device);
        var output = module is TorchSharp.Modules.RNNCell cell
            ? cell.forward(x[0], null) : ((TorchSharp.Modules.RNN)module).forward(x, null).Item1;
        return output.min().to(torch.ScalarType.Float32).item<float>() < 0 ? "Tanh" : "Relu";
    }
}
