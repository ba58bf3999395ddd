namespace Slipway.Onnx.Operators;

/// <summary>The operators of ONNX that choose among elements, opset 21.</summary>
/// <remarks>Source: the ONNX operator reference.</remarks>
public static class SelectionOperators
{
    /// <summary>The largest elements along the last axis, in order, and where they stand.</summary>
    public static (GraphValue Values, GraphValue Indices) TopK(this NodeScope scope, GraphValue x, long count)
    {
        ArgumentNullException.ThrowIfNull(scope);
        var outputs = scope.AddNode(
            OnnxModel.StandardDomain, "TopK", [x, scope.Ints(count)], ["values", "indices"], []);
        return (outputs[0], outputs[1]);
    }

    /// <summary>The elements at indices along the last axis, of the indices' shape.</summary>
    public static GraphValue GatherElements(this NodeScope scope, GraphValue data, GraphValue indices)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return scope.AddNode(
            OnnxModel.StandardDomain, "GatherElements", [data, indices], new NodeAttribute.Int("axis", -1));
    }

    /// <summary>The data with the elements at indices along the last axis replaced.</summary>
    public static GraphValue ScatterElements(
        this NodeScope scope, GraphValue data, GraphValue indices, GraphValue updates)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return scope.AddNode(
            OnnxModel.StandardDomain, "ScatterElements", [data, indices, updates], new NodeAttribute.Int("axis", -1));
    }

    /// <summary>The places of elements that are not 0, int64 [rank, count].</summary>
    public static GraphValue NonZero(this NodeScope scope, GraphValue x)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return scope.AddNode(OnnxModel.StandardDomain, "NonZero", [x]);
    }

    /// <summary>The parts of the data at places, [count, rank] → [count, …].</summary>
    public static GraphValue GatherND(this NodeScope scope, GraphValue data, GraphValue places)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return scope.AddNode(OnnxModel.StandardDomain, "GatherND", [data, places]);
    }

    /// <summary>The data with updates added at places, [count, rank], of which no two may be the same.</summary>
    public static GraphValue ScatterAdd(
        this NodeScope scope, GraphValue data, GraphValue places, GraphValue updates)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return scope.AddNode(
            OnnxModel.StandardDomain, "ScatterND", [data, places, updates], new NodeAttribute.Text("reduction", "add"));
    }

    /// <summary>One or the other element by a truth value.</summary>
    public static GraphValue Where(this NodeScope scope, GraphValue condition, GraphValue x, GraphValue y)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return scope.AddNode(OnnxModel.StandardDomain, "Where", [condition, x, y]);
    }

    /// <summary>Tells whether x is greater than y.</summary>
    public static GraphValue Greater(this NodeScope scope, GraphValue x, GraphValue y)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return scope.AddNode(OnnxModel.StandardDomain, "Greater", [x, y]);
    }

    /// <summary>The larger of two.</summary>
    public static GraphValue Max(this NodeScope scope, GraphValue x, GraphValue y)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return scope.AddNode(OnnxModel.StandardDomain, "Max", [x, y]);
    }

    /// <summary>The smaller of two.</summary>
    public static GraphValue Min(this NodeScope scope, GraphValue x, GraphValue y)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return scope.AddNode(OnnxModel.StandardDomain, "Min", [x, y]);
    }

    /// <summary>log(1 + eˣ).</summary>
    public static GraphValue Softplus(this NodeScope scope, GraphValue x)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return scope.AddNode(OnnxModel.StandardDomain, "Softplus", [x]);
    }

    /// <summary>The absolute value.</summary>
    public static GraphValue Abs(this NodeScope scope, GraphValue x)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return scope.AddNode(OnnxModel.StandardDomain, "Abs", [x]);
    }

    /// <summary>The natural logarithm; −∞ for 0.</summary>
    public static GraphValue Log(this NodeScope scope, GraphValue x)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return scope.AddNode(OnnxModel.StandardDomain, "Log", [x]);
    }
}
