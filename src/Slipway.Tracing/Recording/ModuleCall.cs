using System.Reflection;
using System.Runtime.ExceptionServices;
using Slipway.Tracing.Interception;
using TorchSharp;

namespace Slipway.Tracing.Recording;

/// <summary>Runs a module, as it is or recorded.</summary>
internal sealed class ModuleCall
{
    private readonly torch.nn.Module _module;
    private readonly MethodInfo _call;

    /// <summary>Finds the method that takes the arguments: <c>call</c>, with its hooks, or <c>forward</c>.</summary>
    /// <exception cref="ArgumentException">The module has no such method.</exception>
    public ModuleCall(torch.nn.Module module, IReadOnlyList<object?> arguments)
    {
        _module = module;
        var candidates = Methods(module.GetType(), "call").Concat(Methods(module.GetType(), "forward")).ToArray();
        _call = Array.Find(candidates, method => Takes(method, arguments)) ?? throw new ArgumentException(
            $"'{module.GetType().Name}' has no 'forward' that takes {arguments.Count} arguments of these types "
            + $"({string.Join(", ", arguments.Select(argument => argument?.GetType().Name ?? "null"))}). "
            + $"It has: {string.Join("; ", candidates.Select(method => method.ToString()).Distinct())}.",
            nameof(arguments));

        // Names are those of the module's own 'forward', which 'call' leads to.
        var own = Methods(module.GetType(), "forward").FirstOrDefault(method => Takes(method, arguments)) ?? _call;
        ParameterNames = [.. own.GetParameters().Select(parameter => parameter.Name ?? "input")];
    }

    /// <summary>The module.</summary>
    public torch.nn.Module Module => _module;

    /// <summary>The names of the parameters.</summary>
    public IReadOnlyList<string> ParameterNames { get; }

    /// <summary>Runs the module as it is.</summary>
    public object? Run(object?[] arguments)
    {
        using var noGradients = torch.no_grad();
        return Invoke(() => _call.Invoke(_module, Complete(arguments)));
    }

    /// <summary>Runs the module as in training with its layers in evaluation: by kernels that keep gradients.</summary>
    public object? RunWithGradients(object?[] arguments)
    {
        using var gradients = torch.enable_grad();
        return Invoke(() => _call.Invoke(_module, Complete(arguments)));
    }

    /// <summary>Runs the module and records it.</summary>
    public object? Record(object?[] arguments, Recorder recorder)
    {
        using var noGradients = torch.no_grad();
        var previous = TraceRuntime.Recorder;
        TraceRuntime.Recorder = recorder;
        var thread = Environment.CurrentManagedThreadId;
        void Throws(object? sender, FirstChanceExceptionEventArgs thrown)
        {
            if (Environment.CurrentManagedThreadId == thread)
            {
                recorder.Throws(thrown.Exception);
            }
        }

        AppDomain.CurrentDomain.FirstChanceException += Throws;
        try
        {
            CallSite root = new(_call, 0, _call, System.Reflection.Emit.OpCodes.Callvirt, null);
            var method = VirtualMethods.Find(_call, _module.GetType()) ?? _call;
            recorder.Enter(root, _module);
            var result = Invoke(() => recorder.Interceptor.Copy(method)
                .Invoke(null, [_module, .. Complete(arguments)]));
            recorder.Complete();
            return recorder.Refusal is { } refusal ? throw refusal : result;
        }
        catch (Exception) when (recorder.Refusal is { } refusal)
        {
            throw refusal;
        }
        finally
        {
            AppDomain.CurrentDomain.FirstChanceException -= Throws;
            TraceRuntime.Recorder = previous;
        }
    }

    private static object? Invoke(Func<object?> run)
    {
        try
        {
            return run();
        }
        catch (TargetInvocationException exception) when (exception.InnerException is { } inner)
        {
            ExceptionDispatchInfo.Throw(inner);
            throw;
        }
    }

    private static IEnumerable<MethodInfo> Methods(Type type, string name)
        => type.GetMethods(BindingFlags.Instance | BindingFlags.Public).Where(method => method.Name == name
            && !method.IsGenericMethodDefinition);

    private static bool Takes(MethodInfo method, IReadOnlyList<object?> arguments)
    {
        var parameters = method.GetParameters();
        return parameters.Length >= arguments.Count && parameters.Skip(arguments.Count).All(rest => rest.IsOptional)
            && parameters.Zip(arguments).All(pair => pair.Second is null
                ? !pair.First.ParameterType.IsValueType
                    || Nullable.GetUnderlyingType(pair.First.ParameterType) is not null
                : pair.First.ParameterType.IsInstanceOfType(pair.Second));
    }

    private object?[] Complete(object?[] arguments)
        => [.. arguments, .. _call.GetParameters().Skip(arguments.Length).Select(parameter => parameter.DefaultValue)];
}
