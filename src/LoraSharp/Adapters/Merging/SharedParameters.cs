using static TorchSharp.torch;

namespace LoraSharp.Adapters.Merging;

/// <summary>Finds the parameters that several modules hold: a head tied to its embedding, layers that are used twice.</summary>
internal static class SharedParameters
{
    /// <summary>Handles of those parameters.</summary>
    public static IReadOnlySet<IntPtr> Of(nn.Module root)
    {
        ArgumentNullException.ThrowIfNull(root);
        var owners = new Dictionary<IntPtr, nn.Module>();
        var shared = new HashSet<IntPtr>();
        foreach (nn.Module module in root.named_modules().Select(item => item.module).Prepend(root))
        {
            foreach (var (_, parameter) in module.named_parameters(recurse: false))
            {
                if (!owners.TryAdd(parameter.Handle, module) && !ReferenceEquals(owners[parameter.Handle], module))
                {
                    shared.Add(parameter.Handle);
                }
            }
        }

        return shared;
    }
}
