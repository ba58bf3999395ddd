using System.Reflection;

namespace Slipway.Tracing.Interception;

/// <summary>Finds the method that a virtual call reaches in an object of a given type.</summary>
internal static class VirtualMethods
{
    private const BindingFlags Instance =
        BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    /// <summary>Finds it; null where the type has none, as for an interface that it does not have.</summary>
    public static MethodBase? Find(MethodInfo method, Type type)
    {
        var definition = method.IsGenericMethod ? method.GetGenericMethodDefinition() : method;
        var found = method.DeclaringType!.IsInterface
            ? OfInterface(definition, type) : OfClass(definition.GetBaseDefinition(), type);
        return found is { IsGenericMethodDefinition: true }
            ? found.MakeGenericMethod(method.GetGenericArguments()) : found;
    }

    private static MethodInfo? OfClass(MethodInfo definition, Type type)
    {
        for (var level = type; level is not null; level = level.BaseType)
        {
            foreach (var candidate in level.GetMethods(Instance))
            {
                if (candidate.IsVirtual && candidate.Name == definition.Name
                    && IsSame(candidate.GetBaseDefinition(), definition))
                {
                    return candidate;
                }
            }

            if (level == definition.DeclaringType)
            {
                return level.GetMethods(Instance).FirstOrDefault(candidate => IsSame(candidate, definition));
            }
        }

        return null;
    }

    private static MethodInfo? OfInterface(MethodInfo definition, Type type)
    {
        var face = definition.DeclaringType!;
        if (type.IsArray || !face.IsAssignableFrom(type))
        {
            return null;
        }

        // A variant interface is implemented by one of the same definition.
        var exact = type.GetInterfaces().FirstOrDefault(item => item == face)
            ?? type.GetInterfaces().FirstOrDefault(item => item.IsGenericType && face.IsGenericType
                && item.GetGenericTypeDefinition() == face.GetGenericTypeDefinition()
                && face.IsAssignableFrom(item));
        if (exact is null)
        {
            return null;
        }

        var map = type.GetInterfaceMap(exact);
        var index = Array.FindIndex(
            map.InterfaceMethods, item => item.MetadataToken == definition.MetadataToken
                && item.Module == definition.Module);
        return index < 0 || map.TargetMethods[index] is not { } target ? null
            : target.IsVirtual && !target.IsFinal && !target.DeclaringType!.IsInterface
                ? OfClass(target.GetBaseDefinition(), type) : target;
    }

    private static bool IsSame(MethodInfo left, MethodInfo right)
        => left.MetadataToken == right.MetadataToken && left.Module == right.Module
            && left.DeclaringType == right.DeclaringType;
}
