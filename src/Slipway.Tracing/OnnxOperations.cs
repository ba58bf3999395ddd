using System.Reflection;
using Slipway.Onnx;
using Slipway.Tracing.Interception;
using Slipway.Tracing.Operations;

namespace Slipway.Tracing;

/// <summary>Operations that modules are exported with; a program may add its own.</summary>
public static class OnnxOperations
{
    private static readonly Lock Gate = new();
    private static readonly Dictionary<MethodBase, Operation> Added = [];
    private static (OperationTable Table, Interceptor Interceptor)? _current;

    /// <summary>Says which nodes compute a method, of TorchSharp or of one's own, from now on.</summary>
    /// <param name="method">The method, which takes and gives tensors and is recorded as it is.</param>
    /// <param name="emitter">Adds the nodes and returns a value for each tensor that the method gives.</param>
    /// <remarks>Counts for all exports of the process that begin later. Thread-safe.</remarks>
    public static void Add(MethodInfo method, Func<OperationCall, IReadOnlyList<GraphValue>> emitter)
    {
        ArgumentNullException.ThrowIfNull(method);
        ArgumentNullException.ThrowIfNull(emitter);
        lock (Gate)
        {
            var key = method.IsGenericMethod ? method.GetGenericMethodDefinition() : method;
            Added[key] = new Operation(OperationTable.NameOf(method), emitter, null, IsView: false);
            _current = null;
        }
    }

    internal static (OperationTable Table, Interceptor Interceptor) Current
    {
        get
        {
            lock (Gate)
            {
                if (_current is not { } current)
                {
                    OperationTable table = new(OperationFamilies.All, Added);
                    _current = current = (table, new Interceptor(table));
                }

                return current;
            }
        }
    }
}
