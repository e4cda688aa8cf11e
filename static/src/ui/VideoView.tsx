import { useEffect, useRef, useState } from "react";

interface Props {
  stream: MediaStream | null;
  label: string;
  mirrored?: boolean;
  fit?: "cover" | "contain";
  onFirstFrame?: () => void;
}

/** A silent picture. Stays transparent until its first frame, so what lies behind it (the avatar) shows meanwhile. */
export function VideoView({ stream, label, mirrored = false, fit = "cover", onFirstFrame }: Props) {
  const ref = useRef<HTMLVideoElement>(null);
  const [live, setLive] = useState<MediaStream | null>(null);
  const firstFrame = useRef(onFirstFrame);
  firstFrame.current = onFirstFrame;

  useEffect(() => {
    const video = ref.current;
    if (!video) return undefined;
    video.srcObject = stream;
    if (!stream) return undefined;
    const shown = () => {
      setLive(stream);
      firstFrame.current?.();
    };
    // Muted video may always play; a refusal means the element is already gone.
    video.play().catch(() => undefined);
    if (!("requestVideoFrameCallback" in video)) {
      (video as HTMLVideoElement).addEventListener("loadeddata", shown, { once: true });
      return () => (video as HTMLVideoElement).removeEventListener("loadeddata", shown);
    }
    const handle = video.requestVideoFrameCallback(shown);
    return () => video.cancelVideoFrameCallback(handle);
  }, [stream]);

  return (
    <video
      ref={ref}
      className="video"
      data-live={stream !== null && live === stream}
      data-mirrored={mirrored}
      data-fit={fit}
      aria-label={label}
      muted
      autoPlay
      playsInline
      disablePictureInPicture={mirrored}
    />
  );
}
