using System.Globalization;
using TorchSharp;

namespace LoraSharp.CrashHost;

/// <summary>
/// Saves again and again until it is killed, and writes the number of each step to the output once its save has returned; or trains and writes its resident memory to the output.
/// </summary>
internal static class Host
{
    private static int Main(string[] args)
    {
        switch (args)
        {
            case ["files", string folder, string first, string keepOthers]:
                for (int step = int.Parse(first, CultureInfo.InvariantCulture); ; step++)
                {
                    StepFolder.Write(folder, step, bool.Parse(keepOthers));
                    Report(step);
                }

            case ["train", string output, string modelFolder]:
                torch.set_num_threads(1);
                TinyTraining.Run(modelFolder, output, Report, CancellationToken.None);
                return 0;

            case ["train", string output, string modelFolder, string saveSteps]:
                torch.set_num_threads(1);

                // Before the model is loaded, so that a kill may meet anything that comes after.
                Report(0);
                TinyTraining.Run(modelFolder, output, Report, CancellationToken.None, int.Parse(saveSteps, CultureInfo.InvariantCulture));
                return 0;

            case ["memory", string output, string modelFolder, string steps, string every]:
                torch.set_num_threads(1);
                TinyTraining.Measure(modelFolder, output, int.Parse(steps, CultureInfo.InvariantCulture), int.Parse(every, CultureInfo.InvariantCulture));
                return 0;

            default:
                Console.Error.WriteLine("usage: files FOLDER FIRST-STEP KEEP-OTHERS | train OUTPUT MODEL-FOLDER [SAVE-STEPS] | memory OUTPUT MODEL-FOLDER STEPS EVERY");
                return 2;
        }
    }

    private static void Report(int step)
    {
        Console.Out.WriteLine(step.ToString(CultureInfo.InvariantCulture));
        Console.Out.Flush();
    }
}
