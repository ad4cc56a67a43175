using System.Reflection;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Injection;

/// <summary>Walks the modules below a root by path and replaces one by another, in any TorchSharp module.</summary>
internal static class ModuleTree
{
    /// <summary>A module with its path and its parent.</summary>
    public readonly record struct Node(string Path, nn.Module Module, nn.Module Parent, string Name);

    /// <summary>All modules below the root, parents first. Adapted layers count as what they adapt: their insides are not entered.</summary>
    public static IEnumerable<Node> Walk(nn.Module root) => Walk(root, "");

    /// <summary>Puts another module into the place of a node's, which <see cref="RequireReplaceable"/> has allowed.</summary>
    public static void Replace(Node node, nn.Module replacement)
    {
        if (FindField(node) is { } field)
        {
            field.SetValue(node.Parent, replacement);
        }
        else if (FindList(node) is { } found)
        {
            found.List[found.Index] = replacement;
        }

        // A null registration removes the old entry but keeps its place in the order.
        Register(node, replacement);
    }

    /// <summary>Throws unless an adapted layer could take the module's place.</summary>
    public static void RequireReplaceable(Node node)
    {
        if (!IsReplaceable(node))
        {
            throw new AdapterException(FindField(node) is { } field
                ? $"'{node.Path}' is held in the field '{field.Name}' of type {field.FieldType.Name} of {node.Parent.GetType().Name}, which cannot hold an adapted layer. Declare the field as Module<Tensor, Tensor>."
                : $"'{node.Path}' cannot be replaced: {node.Parent.GetType().Name} holds it neither in a field nor in a list of modules that could take an adapted layer.");
        }
    }

    /// <summary>Whether an adapted layer could take the module's place.</summary>
    public static bool IsReplaceable(Node node) =>
        FindField(node) is { } field ? field.FieldType.IsAssignableFrom(typeof(AdaptedLayer)) : FindList(node) is { } found && found.Takes(typeof(AdaptedLayer));

    private static IEnumerable<Node> Walk(nn.Module parent, string prefix)
    {
        foreach (var (name, module) in parent.named_children())
        {
            string path = prefix.Length == 0 ? name : $"{prefix}.{name}";
            if (module is IAdapterStore)
            {
                continue;
            }

            yield return new Node(path, module, parent, name);
            if (module is not AdaptedLayer)
            {
                foreach (Node below in Walk(module, path))
                {
                    yield return below;
                }
            }
        }
    }

    private static FieldInfo? FindField(Node node)
    {
        for (Type? type = node.Parent.GetType(); type is not null && type != typeof(nn.Module); type = type.BaseType)
        {
            foreach (FieldInfo field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            {
                if (typeof(nn.Module).IsAssignableFrom(field.FieldType) || field.FieldType.IsInterface)
                {
                    if (ReferenceEquals(field.GetValue(node.Parent), node.Module))
                    {
                        return field;
                    }
                }
            }
        }

        return null;
    }

    // Sequential, ModuleList and ModuleDict keep their modules in a private list.
    private static ListPlace? FindList(Node node)
    {
        for (Type? type = node.Parent.GetType(); type is not null && type != typeof(nn.Module); type = type.BaseType)
        {
            foreach (FieldInfo field in type.GetFields(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.DeclaredOnly))
            {
                if (field.GetValue(node.Parent) is System.Collections.IList list && list.IndexOf(node.Module) is >= 0 and var index)
                {
                    return new ListPlace(list, index);
                }
            }
        }

        return null;
    }

    private sealed record ListPlace(System.Collections.IList List, int Index)
    {
        public bool Takes(Type type) =>
            List.GetType().GetInterfaces().Where(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IList<>)).All(i => i.GetGenericArguments()[0].IsAssignableFrom(type));
    }

    private static void Register(Node node, nn.Module replacement)
    {
        if (node.Parent.named_children().Any(child => ReferenceEquals(child.module, replacement)))
        {
            return;
        }

        // The registration order decides the order of parameters, so it has to survive: re-register everything from this module on.
        List<(string Name, nn.Module Module)> children = [.. node.Parent.named_children()];
        int index = children.FindIndex(child => child.Name == node.Name);
        for (int i = index; i < children.Count; i++)
        {
            node.Parent.register_module(children[i].Name, null!);
        }

        for (int i = index; i < children.Count; i++)
        {
            node.Parent.register_module(children[i].Name, i == index ? replacement : children[i].Module);
        }
    }
}
