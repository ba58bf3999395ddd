using Slipway.Onnx;
using Slipway.Tracing.Recording;
using static Slipway.Tracing.Operations.ElementwiseOperations;
using static Slipway.Tracing.Operations.Rows;

namespace Slipway.Tracing.Operations;

/// <summary>Products of matrices and vectors, triangles and diagonals.</summary>
internal static class LinearAlgebraOperations
{
    public static IEnumerable<Operation> All =>
    [
        Row("functional.linear", call => Linear(
            call, call.Tensor("input"), call.Tensor("weights", "weight"), call.FindTensor("bias"))),
        Row("functional.bilinear", Bilinear),
        .. Same(
            ["Tensor.matmul", "Tensor.mm", "Tensor.bmm", "Tensor.mv", "Tensor.dot", "Tensor.vdot"],
            call => call.Node("MatMul", [
                call.Operand("this", call.Type), call.Operand(call.Has("target") ? "target" : "batch2", call.Type)])),
        Row("Tensor.inner", call => call.Node("MatMul", [
            call.Operand("this", call.Type), call.Tensor("vec2").Rank < 2 ? call.Operand("vec2", call.Type)
                : Swapped(call, call.Tensor("vec2"))])),
        Row("Tensor.outer", call => Outer(call, call.Operand("this", call.Type), call.Operand("vec2", call.Type))),
        Row("Tensor.addmm", call => Gemm(call, "mat1", "mat2")),
        Row("Tensor.addmv", call => Combined(call, Product(call, "mat", "vec"))),
        Row("Tensor.addr", call => Combined(
            call, Outer(call, call.Operand("vec1", call.Type), call.Operand("vec2", call.Type)))),
        Row("Tensor.baddbmm", BatchedSum),
        Row("Tensor.addbmm", call => Combined(call, ReductionOperations.Reduce(
            call, "ReduceSum", Product(call, "batch1", "batch2"), [0], keep: false))),
        Row("torch.einsum", call => Einsum(call)),
        Row("Tensor.tensordot", TensorDot),
        Row("Tensor.kron", Kronecker),
        .. Same(["Tensor.tril"], call => Triangle(call, upper: false)),
        .. Same(["Tensor.triu"], call => Triangle(call, upper: true)),
        Row("Tensor.diag_embed", call => DiagonalMatrix(call, call.Int("offset", 0))),
        Row("Tensor.diagflat", call => DiagonalMatrix(call, call.Int("offset", 0))),
        Row("Tensor.diag", call => call.Subject().Rank == 1 ? DiagonalMatrix(call, call.Int("diagonal", 0))
            : throw new NotSupportedException("Use 'diagonal' to take a diagonal.")),
        Row("linalg.vecdot", call => ReductionOperations.Reduce(call, "ReduceSum", call.Node("Mul", [
            call.Operand("x", call.Type), call.Operand("y", call.Type)]), [call.Int("dim", -1)], keep: false)),
        Row("torch.cdist", Distances),
        Row("linalg.det", call => call.Node("Det", [call.Subject().Value])),
        .. Same(["linalg.cross"], Cross),
    ];

    /// <summary>x·Wᵀ + b.</summary>
    public static GraphValue Linear(OperationCall call, TracedTensor x, TracedTensor weight, TracedTensor? bias)
        => Linear(call, call.Cast(x, call.Type), x.Rank, weight, bias);

    /// <summary>x·Wᵀ + b.</summary>
    public static GraphValue Linear(
        OperationCall call, GraphValue x, int rank, TracedTensor weight, TracedTensor? bias)
    {
        if (rank == 2 && weight.Rank == 2)
        {
            GraphValue[] inputs = bias is null
                ? [x, call.Cast(weight, call.Type)] : [x, call.Cast(weight, call.Type), call.Cast(bias, call.Type)];
            return call.Node("Gemm", inputs, new NodeAttribute.Int("transB", 1));
        }

        var product = call.Node("MatMul", [x, weight.Rank < 2 ? weight.Value : Transposed(call, weight)]);
        return bias is null ? product : call.Node("Add", [product, call.Cast(bias, call.Type)]);
    }

    /// <summary>A weight [out, in] as [in, out]: stored so, or turned by a node where others read it.</summary>
    public static GraphValue Transposed(OperationCall call, TracedTensor weight)
        => weight.Inner.Origin == ValueOrigin.Parameter && call.Builder.Uses(weight.Inner) <= 1
            && weight.Type == call.Type
            ? call.Builder.Rearranged(weight.Inner, ".transposed", tensor => tensor.t())
            : call.Node("Transpose", [call.Cast(weight, call.Type)], new NodeAttribute.Ints("perm", [1, 0]));

    private static GraphValue Swapped(OperationCall call, TracedTensor x)
        => ShapeOperations.Swap(call, call.Cast(x, call.Type), x.Rank, x.Rank - 2, x.Rank - 1);

    private static GraphValue Product(OperationCall call, string left, string right)
        => call.Node("MatMul", [call.Operand(left, call.Type), call.Operand(right, call.Type)]);

    private static GraphValue Outer(OperationCall call, GraphValue left, GraphValue right)
        => call.Node("Mul", [
            call.Node("Unsqueeze", [left, call.Ints(1)]), call.Node("Unsqueeze", [right, call.Ints(0)])]);

    private static GraphValue Gemm(OperationCall call, string left, string right)
        => call.Node(
            "Gemm", [call.Operand(left, call.Type), call.Operand(right, call.Type), Subject(call)],
            new NodeAttribute.Float("alpha", (float)call.Number("alpha", 1)),
            new NodeAttribute.Float("beta", (float)call.Number("beta", 1)));

    // beta · self + alpha · product
    private static GraphValue Combined(OperationCall call, GraphValue product)
    {
        var (alpha, beta) = (call.Number("alpha", 1), call.Number("beta", 1));
        var scaled = alpha.Equals(1.0) ? product : Scaled(call, product, alpha);
        return call.Node("Add", [beta.Equals(1.0) ? Subject(call) : Scaled(call, Subject(call), beta), scaled]);
    }

    // TorchSharp 0.107 hands its operands on in another order: beta · batch2 + alpha · self·batch1 is what runs.
    private static GraphValue BatchedSum(OperationCall call)
    {
        GraphValue Times(GraphValue value, string name)
            => call.Number(name, 1).Equals(1.0) ? value : Scaled(call, value, call.Number(name));
        return call.Node("Add", [
            Times(call.Operand("batch2", call.Type), "beta"), Times(Product(call, "this", "batch1"), "alpha")]);
    }

    private static GraphValue Bilinear(OperationCall call)
    {
        // y[.., o] = Σ x1[.., i] W[o, i, j] x2[.., j]
        var product = call.Node("Einsum", [
            call.Operand("input1", call.Type), call.Operand("weight", call.Type), call.Operand("input2", call.Type)],
            new NodeAttribute.Text("equation", "...i,oij,...j->...o"));
        return call.Has("bias") ? call.Node("Add", [product, call.Operand("bias", call.Type)]) : product;
    }

    private static GraphValue Einsum(OperationCall call)
        => call.Node(
            "Einsum", [.. call.Tensors("tensors").Select(tensor => call.Cast(tensor, call.Type))],
            new NodeAttribute.Text("equation", call.Text("equation")!.Replace(" ", "", StringComparison.Ordinal)));

    private static GraphValue TensorDot(OperationCall call)
    {
        var (a, b) = (call.Subject(), call.Tensor("b"));
        var left = Array.ConvertAll(call.FindInts("dims1")!, axis => a.Axis(axis));
        var right = Array.ConvertAll(call.FindInts("dims2")!, axis => b.Axis(axis));
        var names = Enumerable.Range(0, a.Rank).Select(axis => (char)('a' + axis)).ToArray();
        var others = Enumerable.Range(0, b.Rank).Select(axis => Array.IndexOf(right, axis) is >= 0 and var at
            ? names[left[at]] : (char)('A' + axis)).ToArray();
        var result = names.Where((_, axis) => !left.Contains(axis))
            .Concat(others.Where((_, axis) => !right.Contains(axis)));
        return call.Node("Einsum", [call.Cast(a, call.Type), call.Cast(b, call.Type)], new NodeAttribute.Text(
            "equation", $"{new string(names)},{new string(others)}->{string.Concat(result)}"));
    }

    // [m, n] ⊗ [p, q]: [m, 1, n, 1] · [1, p, 1, q] → [m·p, n·q]
    private static GraphValue Kronecker(OperationCall call)
    {
        var (a, b) = (call.Subject(), call.Tensor("other"));
        if (a.Rank != b.Rank)
        {
            throw new NotSupportedException("Factors of different ranks have no form here. Give them the same rank.");
        }

        var left = call.Node("Unsqueeze", [
            call.Cast(a, call.Type), call.Ints([.. Enumerable.Range(0, a.Rank).Select(axis => (2L * axis) + 1)])]);
        var right = call.Node("Unsqueeze", [
            call.Cast(b, call.Type), call.Ints([.. Enumerable.Range(0, a.Rank).Select(axis => 2L * axis)])]);
        return call.Node("Reshape", [call.Node("Mul", [left, right]), call.Ints(call.Results[0].Shape)]);
    }

    private static GraphValue Triangle(OperationCall call, bool upper)
    {
        var x = call.Subject();
        var type = x.Type is ElementType.Float32 or ElementType.Float64 or ElementType.Int64 ? x.Type
            : ElementTypes.IsReal(x.Type) ? ElementType.Float32 : ElementType.Int64;
        var diagonal = call.FindSize("diagonal") is { } size && !(size.IsFixed && size.Value == 0)
            ? call.Node("Squeeze", [call.Ints(size), call.Ints(0)]) : call.Scope.Int(0);
        var result = call.Node(
            "Trilu", [call.Cast(x, type), diagonal], new NodeAttribute.Int("upper", upper ? 1 : 0));
        return call.Cast(result, type, x.Type);
    }

    // Row i has x[i] in column i + offset: [.., n] → [.., n, n], padded by the offset.
    private static GraphValue DiagonalMatrix(OperationCall call, long offset)
    {
        if (call.Int("dim1", -2) != -2 || call.Int("dim2", -1) != -1)
        {
            throw new NotSupportedException(
                "Diagonals of other axes than the last have no form here. Transpose after.");
        }

        var x = call.Subject();
        var value = x.Value;
        if (call.Name == "diagflat")
        {
            value = call.Node("Reshape", [value, call.Ints(-1)]);
        }

        var numbers = call.Node("Range", [
            call.Scope.Int(0), call.Node("Squeeze", [call.Ints(call.Results[0].Shape[^1]), call.Ints(0)]),
            call.Scope.Int(1)]);
        var rows = call.Node("Unsqueeze", [numbers, call.Ints(1)]);
        var isDiagonal = call.Node("Equal", [
            call.Node("Add", [rows, call.Scope.Int(offset)]), call.Node("Unsqueeze", [numbers, call.Ints(0)])]);
        var rank = call.Name == "diagflat" ? 1 : x.Rank;
        var before = new long[2 * rank];
        (before[rank - 1], before[^1]) = (Math.Max(offset, 0), Math.Max(-offset, 0));
        var padded = offset == 0 ? value : call.Node("Pad", [value, call.Ints(before)]);
        var wide = call.Node("Unsqueeze", [padded, call.Ints(-2)]);
        return call.Node("Where", [isDiagonal, wide, call.Constant(0, x.Type)]);
    }

    // |x − y| over the last axis of all pairs
    private static GraphValue Distances(OperationCall call)
    {
        var difference = call.Node("Sub", [
            call.Node("Unsqueeze", [call.Operand("x1", call.Type), call.Ints(-2)]),
            call.Node("Unsqueeze", [call.Operand("x2", call.Type), call.Ints(-3)])]);
        return ReductionOperations.Norm(call, difference, call.Number("p", 2), [-1], keep: false);
    }

    // x × y = roll(x, −1) · roll(y, −2) − roll(x, −2) · roll(y, −1)
    private static GraphValue Cross(OperationCall call)
    {
        var axis = call.Int("dim", -1);
        GraphValue Turned(string name, params long[] order) => call.Node(
            "Gather", [call.Operand(name, call.Type), call.Ints(order)], new NodeAttribute.Int("axis", axis));
        return call.Node("Sub", [
            call.Node("Mul", [Turned("input", 1, 2, 0), Turned("other", 2, 0, 1)]),
            call.Node("Mul", [Turned("input", 2, 0, 1), Turned("other", 1, 2, 0)])]);
    }
}
