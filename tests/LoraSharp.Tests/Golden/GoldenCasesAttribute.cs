using System.Reflection;
using Xunit.Sdk;
using Xunit.v3;

namespace LoraSharp.Tests.Golden;

/// <summary>
/// One row (the case's name) for each case folder of a group; a group that is not there gives one skipped row.

/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class GoldenCasesAttribute(string group) : DataAttribute
{
    public string Group { get; } = group;

    public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(MethodInfo testMethod, DisposalTracker disposalTracker)
    {
        var rows = GoldenFolder.Cases(Group)
            .Select(name => (ITheoryDataRow)new TheoryDataRow<string>(name) { TestDisplayName = $"Golden {Group}/{name}" })
            .ToList();
        if (rows.Count == 0)
        {
            rows.Add(new TheoryDataRow<string>("") { TestDisplayName = $"Golden {Group}", Skip = $"There are no golden cases of group '{Group}' in {GoldenFolder.Root}." });
        }

        return ValueTask.FromResult<IReadOnlyCollection<ITheoryDataRow>>(rows);
    }

    public override bool SupportsDiscoveryEnumeration() => true;
}
