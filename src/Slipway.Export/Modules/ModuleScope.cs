using System.Globalization;
using Slipway.Export.Configuration;
using Slipway.Export.Weights;
using Slipway.Onnx;

namespace Slipway.Export.Modules;

/// <summary>A place in the model: its tensors' prefix and its nodes' path move together.</summary>
/// <remarks>
/// <c>scope["self_attn"]["q_proj"]</c> under <c>model.layers.0</c> is where the tensor
/// <c>model.layers.0.self_attn.q_proj.weight</c> is asked for and where the node
/// <c>/model/layers.0/self_attn/q_proj/MatMulNBits</c> goes.
/// </remarks>
internal sealed class ModuleScope : NodeScope
{
    private readonly ModelBuild _build;
    private readonly string _prefix;

    public ModuleScope(ModelBuild build)
        : this(build, "", "")
    {
    }

    private ModuleScope(ModelBuild build, string prefix, string path)
        : base(build.Writer.Graph, path) => (_build, _prefix) = (build, prefix);

    public ConfigReader Config => _build.Config;

    public ModelBuild Build => _build;

    /// <summary>A part of this module by its name, which may be a path with dots.</summary>
    public ModuleScope this[string name] =>
        new(_build, _prefix.Length == 0 ? name : $"{_prefix}.{name}", $"{Path}/{name.Replace('.', '/')}");

    /// <summary>A part of this list of modules.</summary>
    public ModuleScope this[int index] =>
        new(_build, $"{_prefix}.{Text(index)}", $"{Path}.{Text(index)}");

    /// <summary>The full name of a tensor of this module.</summary>
    public string NameOf(string tensor) => _prefix.Length == 0 ? tensor : $"{_prefix}.{tensor}";

    /// <summary>Whether the checkpoint has a tensor of this module.</summary>
    public bool Has(string tensor) => _build.Tensors.Has(NameOf(tensor));

    /// <summary>A matrix of this module, to be stored or transformed.</summary>
    public Weight Read(string tensor, int rows, int columns) => _build.Tensors.Matrix(NameOf(tensor), rows, columns);

    /// <summary>A tensor [count, rows, columns] of this module, as matrices one below the other.</summary>
    public Weight ReadStack(string tensor, int count, int rows, int columns) =>
        _build.Tensors.Stack(NameOf(tensor), count, rows, columns);

    /// <summary>Numbers of this module.</summary>
    public float[] ReadVector(string tensor, int count) => _build.Tensors.Vector(NameOf(tensor), count);

    /// <summary>Numbers of this module in any shape, row-major.</summary>
    public float[] ReadNumbers(string tensor, params long[] shape) => _build.Tensors.Numbers(NameOf(tensor), shape);

    /// <summary>A matrix of this module in the package; asked for twice it stands there once.</summary>
    public GraphWeight Matrix(string tensor, int rows, int columns) =>
        _build.Store(NameOf(tensor), () => Read(tensor, rows, columns));

    /// <summary>
    /// A matrix of this module in the package in single precision, whatever the others are stored in.
    /// </summary>
    public GraphWeight ExactMatrix(string tensor, int rows, int columns) =>
        _build.StoreExact(NameOf(tensor), () => Read(tensor, rows, columns));

    /// <summary>A matrix that was made of several tensors, under a name of this module.</summary>
    public GraphWeight Store(string name, Weight weight) => _build.Store(NameOf(name), () => weight);

    /// <summary>A table of rows of this module in the package.</summary>
    public GraphWeight Table(string tensor, int rows, int columns) =>
        _build.StoreTable(NameOf(tensor), columns, () => Read(tensor, rows, columns));

    /// <summary>Numbers of this module in the package, [count].</summary>
    public GraphValue Vector(string tensor, int count) => StoreVector(tensor, ReadVector(tensor, count));

    /// <summary>Numbers in the package under a name of this module, [count] or of another shape.</summary>
    public GraphValue StoreVector(string name, float[] values, params long[] shape)
    {
        _build.Writer.Advance(NameOf(name), values.Length);
        return _build.Writer.AddParts(
            NameOf(name), ElementType.Float32, shape.Length == 0 ? [values.Length] : shape, [values]);
    }

    private static string Text(int index) => index.ToString(CultureInfo.InvariantCulture);
}
